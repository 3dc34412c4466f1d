import { AddressList } from './address-list'
import { linesOf } from './list-file'
import type { Side } from './policy-table'
import type { Place, Problems } from './problems'
import type { SettingsSource } from './source'

/** One side of the envelope as its three keys give it. */
export interface WrittenSide {
  readonly section: string
  /** The keys' common stem: `sender` of senders, sender_list and sender_list_file. */
  readonly stem: 'sender' | 'recipient'
  readonly kind: Side['kind']
  readonly entries: readonly string[] | undefined
  readonly file: string | undefined
}

/** A list without a question, or a question without a list, is a policy that was not finished. */
export function readSide(
  readList: SettingsSource['readList'],
  { section, stem, kind, entries, file }: WrittenSide,
  problems: Problems,
): Side {
  const question = { section, key: `${stem}s`, value: kind }
  const isSet = entries !== undefined || file !== undefined
  if (kind === 'any') {
    if (isSet && !problems.isRefused(question)) {
      problems.refuse(question, `the list is not used; write ${stem}s=listed`)
    }
    return { kind }
  }
  if (!isSet) problems.refuse(question, `${stem}_list[] or ${stem}_list_file is missing`)

  const list = new AddressList()
  const inFile = { section, key: `${stem}_list_file`, value: file }
  addAll(list, entries ?? [], { section, key: `${stem}_list` }, problems)
  const lines = linesOf(readList, file, inFile, problems)
  addAll(list, lines, inFile, problems)
  if (file !== undefined && lines.length === 0 && !problems.isRefused(inFile)) {
    problems.warn(inFile, 'the file is empty')
  }
  return { kind, list }
}

function addAll(
  list: AddressList,
  entries: readonly string[],
  place: Place,
  problems: Problems,
): void {
  const bad = entries.filter((entry) => !list.add(entry.trim()))
  problems.refuseEntries(place, bad, 'must be user@domain, user@, @domain, @.domain or <>')
}
