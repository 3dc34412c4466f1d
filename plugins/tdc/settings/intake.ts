import { parseMailbox } from './mailbox'
import type { Mailbox } from './mailbox'
import type { Place, Problems } from './problems'
import type { CopyFormat, Intake } from './settings'

/** What an intake address is judged by. */
export interface IntakeRules {
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

  private refuse(place: Place, must: string): undefined {
    this.refused++
    this.problems.refuse(place, must)
  }
}
