import { routesOf, spellingsOf } from './address'
import { AddressList } from './address-list'
import type { Aspects } from './changes'
import type { IntakeBook } from './intake'
import { DEFAULT_POLICY, NAMED } from './keys'
import { listLines, type SettingsSource } from './source'
import type { KeyPlace, Problems } from './problems'
import { type NamedSection, readSection, type Sections } from './section'
import type { Intake } from './settings'

/** What a policy says about a recipient (spec 3). */
export type Choice = { kind: 'no' } | { kind: 'default' } | { kind: 'custom'; intake: Intake }

export interface PolicyMatch {
  readonly policy: string
  readonly choice: Choice
}

/** The ordered policies; the first that matches sender and recipient decides, DEFAULT is last. */
export interface PolicyTable {
  /**
   * Addresses are `user@domain` with the domain in ASCII; '' is the null sender. `given`: what the
   * recipient was before it was rewritten; a list that has one of them has it.
   */
  match(sender: string, recipient: string, given?: readonly string[]): PolicyMatch
  /** What it says, for a comparison. */
  readonly aspects: Aspects
  /** Some mail gets a copy. */
  readonly asksForCopies: boolean
}

/** Which addresses of one side of the envelope a policy is for. */
export type Side =
  | { readonly kind: 'any' }
  | { readonly kind: 'listed'; readonly list: Pick<AddressList, 'has' | 'entries'> }
  | { readonly kind: 'not_listed'; readonly list: Pick<AddressList, 'has' | 'entries'> }

export interface Policy {
  readonly name: string
  readonly senders: Side
  readonly recipients: Side
  readonly choice: Choice
}

const NONE: readonly string[] = []

export const DEFAULT = 'DEFAULT'

/** Policies in their order; DEFAULT is for what none of them matches (spec 3). */
export class OrderedPolicies implements PolicyTable {
  private readonly rows: readonly { readonly policy: Policy; readonly found: PolicyMatch }[]
  private readonly otherwise: PolicyMatch
  /** Spellings are made only where a list is asked for them. */
  private readonly asksForSenders: boolean
  private readonly asksForRecipients: boolean

  /** `delimiters`: before a detail in a local part; empty: there are none. */
  constructor(
    policies: readonly Policy[],
    otherwise: Choice,
    private readonly delimiters: string,
  ) {
    this.rows = policies.map((policy) => ({
      policy,
      found: { policy: policy.name, choice: policy.choice },
    }))
    this.otherwise = { policy: DEFAULT, choice: otherwise }
    this.asksForSenders = policies.some(({ senders }) => senders.kind !== 'any')
    this.asksForRecipients = policies.some(({ recipients }) => recipients.kind !== 'any')
  }

  match(sender: string, recipient: string, given: readonly string[] = []): PolicyMatch {
    if (this.rows.length === 0) return this.otherwise
    const senders = this.asksForSenders ? spellingsOf(sender, this.delimiters) : NONE
    const found = this.first(senders, recipient, given)
    if (found.choice.kind !== 'no' || !this.asksForRecipients) return found
    // Whether a next hop follows them nobody knows: they may only be the reason for a copy.
    const routes = [...routesOf(recipient), ...given.flatMap(routesOf)]
    const routed = routes.map((route) => this.first(senders, route, NONE))
    return routed.find(({ choice }) => choice.kind !== 'no') ?? found
  }

  get asksForCopies(): boolean {
    return [...this.rows.map(({ found }) => found), this.otherwise].some(
      ({ choice }) => choice.kind !== 'no',
    )
  }

  get aspects(): Aspects {
    const aspects = new Map<string, string | ReadonlySet<string>>()
    for (const { policy } of this.rows) {
      const { name, senders, recipients, choice } = policy
      const who = `senders ${senders.kind}, recipients ${recipients.kind}`
      aspects.set(`policy ${name}`, `${textOf(choice)} for ${who}`)
      if (senders.kind !== 'any') aspects.set(`senders of policy ${name}`, senders.list.entries)
      if (recipients.kind !== 'any') {
        aspects.set(`recipients of policy ${name}`, recipients.list.entries)
      }
    }
    aspects.set(`policy ${DEFAULT}`, textOf(this.otherwise.choice))
    aspects.set('the order of policies', this.rows.map(({ policy }) => policy.name).join(', '))
    aspects.set('recipient_delimiter', this.delimiters)
    return aspects
  }

  private first(
    senders: readonly string[],
    recipient: string,
    given: readonly string[],
  ): PolicyMatch {
    const recipients = this.asksForRecipients ? this.spellings(recipient, given) : NONE
    const row = this.rows.find(
      ({ policy }) => holds(policy.senders, senders) && holds(policy.recipients, recipients),
    )
    return row?.found ?? this.otherwise
  }

  private spellings(recipient: string, given: readonly string[]): readonly string[] {
    const own = spellingsOf(recipient, this.delimiters)
    if (given.length === 0) return own
    return [...own, ...given.flatMap((address) => spellingsOf(address, this.delimiters))]
  }
}

function textOf(choice: Choice): string {
  return choice.kind === 'custom' ? `a copy to ${choice.intake.address}` : `intake=${choice.kind}`
}

function holds(side: Side, spellings: readonly string[]): boolean {
  if (side.kind === 'any') return true
  const isListed = spellings.some((address) => side.list.has(address))
  return isListed === (side.kind === 'listed')
}

/** One side of the envelope as its three keys give it. */
interface WrittenSide {
  readonly section: string
  /** The keys' common stem: `sender` of senders, sender_list and sender_list_file. */
  readonly stem: 'sender' | 'recipient'
  readonly kind: Side['kind']
  readonly entries: readonly string[] | undefined
  readonly file: string | undefined
}

/** A list without a question, or a question without a list, is a policy that was not finished. */
function readSide(
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
  const lines = listLines(readList, file, inFile, problems)
  addAll(list, lines, inFile, problems)
  if (file !== undefined && lines.length === 0 && !problems.isRefused(inFile)) {
    problems.warn(inFile, 'the file is empty')
  }
  return { kind, list }
}

function addAll(
  list: AddressList,
  entries: readonly string[],
  place: KeyPlace,
  problems: Problems,
): void {
  const bad = entries.filter((entry) => !list.add(entry.trim()))
  problems.refuseEntries(place, bad, 'must be user@domain, user@, @domain, @.domain or <>')
}

interface WrittenPolicy extends Policy {
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
    entries: values.senderList,
    file: values.senderListFile,
  } as const
  const recipients = {
    section,
    stem: 'recipient',
    kind: values.recipients,
    entries: values.recipientList,
    file: values.recipientListFile,
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
  values: { readonly intake: Choice['kind']; readonly intakeAddress: string | undefined },
  intakes: IntakeBook,
  problems: Problems,
): Choice {
  const { intake: kind, intakeAddress: address } = values
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
