import { type Mailbox, parseMailbox } from './address'
import { MAIN_FORMAT } from './keys'
import { type KeyPlace, type Problems, shown } from './problems'
import { readValue } from './section'
import type { CopyFormat, Intake } from './settings'
import type { RawSection } from './source'

/** What an intake address is judged by. */
interface IntakeRules {
  /** [main] format. */
  readonly format: CopyFormat
  /** [formats], by address in lower case. */
  readonly formats: ReadonlyMap<string, CopyFormat>
  /** Domains whose mail this server receives: copies sent there would come back to it. */
  readonly ownDomains: ReadonlySet<string>
}

/** Every intake of the settings. Addresses that differ in case only are one intake. */
export class IntakeBook {
  private readonly rules: IntakeRules
  private readonly problems: Problems
  private readonly byAddress = new Map<string, Intake>()
  private refused = 0

  constructor(rules: IntakeRules, problems: Problems) {
    this.rules = rules
    this.problems = problems
  }

  get all(): readonly Intake[] {
    return [...this.byAddress.values()]
  }

  /** In lower case. */
  get addresses(): ReadonlySet<string> {
    return new Set(this.byAddress.keys())
  }

  /** True when an address was refused: whoever misses an intake may be missing that one. */
  get hasRefused(): boolean {
    return this.refused > 0
  }

  /** The intake that a key names; undefined when it names none, or a bad one (then a problem). */
  read(section: string, text: string | undefined): Intake | undefined {
    if (text === undefined) return undefined
    const place = { section, key: 'intake_address', value: text }
    const mailbox = parseMailbox(text)
    if (!mailbox) return this.refuse(place, 'must be an address user@domain in ASCII')
    if (this.rules.ownDomains.has(mailbox.domain)) {
      return this.refuse(
        place,
        `must not be in ${mailbox.domain}, a domain that this server itself receives`,
      )
    }
    return this.enter(mailbox)
  }

  private enter({ address, domain }: Mailbox): Intake {
    const lower = address.toLowerCase()
    const known = this.byAddress.get(lower)
    if (known) return known
    const format = this.rules.formats.get(lower) ?? this.rules.format
    const intake: Intake = Object.freeze({ address, domain, format })
    this.byAddress.set(lower, intake)
    return intake
  }

  private refuse(place: KeyPlace, must: string): undefined {
    this.refused++
    this.problems.refuse(place, must)
  }
}

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
