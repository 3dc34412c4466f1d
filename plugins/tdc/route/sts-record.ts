import { trimBlanks } from './blanks'

/** RFC 8461 section 3.1: `id=` and 1 to 32 letters or digits. */
const ID = /^[A-Za-z0-9]{1,32}$/
/** The same section, sts-ext-name and sts-ext-value: fields that may come later. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/
const VALUE = /^[\x21-\x3a\x3c\x3e-\x7e]+$/

const VERSION = 'v=STSv1'

/**
 * The id of the policy that the TXT records of `_mta-sts.DOMAIN` announce (RFC 8461 section 3.1);
 * undefined: the domain has none, for there must be exactly one such record, and a valid one. Each
 * record is a list of strings, which belong together.
 */
export function stsIdOf(records: readonly (readonly string[])[]): string | undefined {
  const texts = records.map((strings) => strings.join(''))
  const [record, ...others] = texts.filter((text) => text.startsWith(`${VERSION};`))
  return record === undefined || others.length > 0 ? undefined : idOf(record)
}

function idOf(record: string): string | undefined {
  const fields = record.split(';').map(trimBlanks)
  // A delimiter may stand at the end.
  if (fields.at(-1) === '') fields.pop()
  let id: string | undefined
  for (const field of fields.slice(1)) {
    const equals = field.indexOf('=')
    const [name, value] = [field.slice(0, equals), field.slice(equals + 1)]
    if (equals < 0 || !NAME.test(name) || !VALUE.test(value)) return undefined
    if (name !== 'id') continue
    if (!ID.test(value)) return undefined
    // Of a field that stands twice the first one counts.
    id ??= value
  }
  return id
}
