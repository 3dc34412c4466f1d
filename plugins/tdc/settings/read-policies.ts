import type { IntakeBook } from './intake'
import { DEFAULT_POLICY, NAMED } from './keys'
import type { Choice } from './policy'
import { DEFAULT } from './policy-table'
import type { Policy } from './policy-table'
import type { Problems } from './problems'
import { readSide } from './read-side'
import { readSection } from './section'
import type { NamedSection, Sections } from './sections'
import type { SettingsSource } from './source'

export interface WrittenPolicy extends Policy {
  /** Its heading, for sentences about it. */
  readonly section: string
}

/** The policies in the file's order, and what DEFAULT says. */
export interface Policies {
  readonly ordered: readonly WrittenPolicy[]
  readonly otherwise: Choice
}

/**
 * `[policy.*]` (spec 3), those of `policy_order` first. DEFAULT is last wherever it stands, and says
 * no until it is set.
 */
export function readPolicies(
  readList: SettingsSource['readList'],
  sections: Sections,
  order: readonly string[],
  intakes: IntakeBook,
  problems: Problems,
): Policies {
  const found = sections.named('policy')
  const last = found.find(({ name }) => name.toUpperCase() === DEFAULT)
  const section = last?.section ?? `policy.${DEFAULT}`
  const values = readSection(section, last?.raw ?? {}, DEFAULT_POLICY, problems)
  return {
    ordered: inOrder(
      found.filter((policy) => policy !== last),
      order,
      problems,
    ).map((policy) => readPolicy(readList, policy, intakes, problems)),
    otherwise: readChoice(section, values, intakes, problems),
  }
}

function inOrder(
  found: readonly NamedSection[],
  order: readonly string[],
  problems: Problems,
): readonly NamedSection[] {
  const isCalled = (wanted: string) => (policy: NamedSection) =>
    policy.name.toLowerCase() === wanted.toLowerCase()
  const unknown = order.filter((name) => !found.some(isCalled(name)))
  const place = { section: 'main', key: 'policy_order', value: order }
  problems.refuseEntries(place, unknown, `must be the name of a policy other than ${DEFAULT}`)
  const first = order.flatMap((name) => found.find(isCalled(name)) ?? [])
  return [...new Set([...first, ...found])]
}

function readPolicy(
  readList: SettingsSource['readList'],
  { section, name, raw }: NamedSection,
  intakes: IntakeBook,
  problems: Problems,
): WrittenPolicy {
  const values = readSection(section, raw, NAMED.policy, problems)
  const senders = {
    section,
    stem: 'sender',
    kind: values.senders,
    entries: values.sender_list,
    file: values.sender_list_file,
  } as const
  const recipients = {
    section,
    stem: 'recipient',
    kind: values.recipients,
    entries: values.recipient_list,
    file: values.recipient_list_file,
  } as const
  return {
    section,
    name,
    senders: readSide(readList, senders, problems),
    recipients: readSide(readList, recipients, problems),
    choice: readChoice(section, values, intakes, problems),
  }
}

function readChoice(
  section: string,
  values: { readonly intake: Choice['kind']; readonly intake_address: string | undefined },
  intakes: IntakeBook,
  problems: Problems,
): Choice {
  const { intake: kind, intake_address: address } = values
  const question = { section, key: 'intake', value: kind }
  const intake = intakes.read(section, address)
  if (kind === 'custom') {
    if (address === undefined) {
      problems.refuse(question, 'intake_address is missing')
    }
    return intake ? { kind, intake } : { kind: 'no' }
  }
  if (address !== undefined && !problems.isRefused(question)) {
    problems.refuse(
      { section, key: 'intake_address', value: address },
      `is not used, because intake=${kind}; write intake=custom or take the address out`,
    )
  }
  return { kind }
}
