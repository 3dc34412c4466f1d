import type { AddressList } from './address-list'
import type { Aspects } from './changes'
import type { Choice, PolicyMatch, PolicyTable } from './policy'
import { routesOf, spellingsOf } from './spellings'

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
