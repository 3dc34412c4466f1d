import { MAIN_FORMAT } from './keys'
import { parseMailbox } from './mailbox'
import { shown } from './problems'
import type { Problems } from './problems'
import { readValue } from './section'
import type { CopyFormat } from './settings'
import type { RawSection } from './source'

const SECTION = 'formats'

/** `[formats] ADDRESS=journal|bcc`, by address in lower case. */
export function readFormats(raw: RawSection, problems: Problems): ReadonlyMap<string, CopyFormat> {
  const formats = new Map<string, CopyFormat>()
  for (const [key, value] of Object.entries(raw)) {
    const place = { section: SECTION, key, value }
    const address = parseMailbox(key)?.address.toLowerCase()
    const format = readValue(value, MAIN_FORMAT.kind)
    if (address === undefined) {
      problems.refuse(place, 'the key must be an intake address user@domain')
    } else if (format.kind === 'wrong') {
      problems.refuse(place, format.must)
    } else if (formats.has(address)) {
      problems.refuse(place, `${shown(address)} stands twice`)
    } else if (format.kind === 'value') {
      formats.set(address, format.value)
    }
  }
  return formats
}

/** A format for an address that is no intake: most likely a slip, and harmless. */
export function warnOfUnusedFormats(
  formats: ReadonlyMap<string, CopyFormat>,
  intakes: ReadonlySet<string>,
  problems: Problems,
): void {
  for (const [address, format] of formats) {
    if (intakes.has(address)) continue
    problems.warn(
      { section: SECTION, key: address, value: format },
      'no level and no policy has this intake address',
    )
  }
}
