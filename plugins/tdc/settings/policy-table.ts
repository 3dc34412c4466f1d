import type { AddressList } from './address-list'
import type { Choice, PolicyMatch, PolicyTable } from './policy'

/** Which addresses of one side of the envelope a policy is for. */
export type Side =
  | { readonly kind: 'any' }
  | { readonly kind: 'listed'; readonly list: Pick<AddressList, 'has'> }
  | { readonly kind: 'not_listed'; readonly list: Pick<AddressList, 'has'> }

export interface Policy {
  readonly name: string
  readonly senders: Side
  readonly recipients: Side
  readonly choice: Choice
}

export const DEFAULT = 'DEFAULT'

/** Policies in their order; DEFAULT is for what none of them matches (spec 3). */
export class OrderedPolicies implements PolicyTable {
  private readonly rows: readonly { readonly policy: Policy; readonly found: PolicyMatch }[]
  private readonly otherwise: PolicyMatch

  constructor(policies: readonly Policy[], otherwise: Choice) {
    this.rows = policies.map((policy) => ({
      policy,
      found: { policy: policy.name, choice: policy.choice },
    }))
    this.otherwise = { policy: DEFAULT, choice: otherwise }
  }

  match(sender: string, recipient: string): PolicyMatch {
    for (const { policy, found } of this.rows) {
      if (holds(policy.senders, sender) && holds(policy.recipients, recipient)) return found
    }
    return this.otherwise
  }
}

function holds(side: Side, address: string): boolean {
  switch (side.kind) {
    case 'any':
      return true
    case 'listed':
      return side.list.has(address)
    case 'not_listed':
      return !side.list.has(address)
  }
}
