/** Which copies or messages are asked for; '' and 0 match any. */
export interface Sought {
  /** `user@domain`, or a domain. */
  readonly intake: string
  /** As `intake`; `<>` is the null sender. */
  readonly sender: string
  /** As `intake`. */
  readonly recipient: string
  /** Then or later; milliseconds since 1970. */
  readonly since: number
}

export const ANY: Sought = { intake: '', sender: '', recipient: '', since: 0 }

/** Whether an address is the one that `wanted` names, or of the domain that it names. */
export function isMeant(wanted: string, address: string): boolean {
  if (wanted === '') return true
  if (wanted === '<>') return address === ''
  const [named, own] = [wanted.toLowerCase(), address.toLowerCase()]
  const isDomain = named.lastIndexOf('@') <= 0
  return isDomain ? own.slice(own.lastIndexOf('@') + 1) === named.replace('@', '') : own === named
}

/** Whether a message is from and to whom `sought` names. */
export function isFromTo(
  { sender, recipient }: Pick<Sought, 'sender' | 'recipient'>,
  message: { readonly sender: string; readonly recipients: readonly string[] },
): boolean {
  return (
    isMeant(sender, message.sender) &&
    (recipient === '' || message.recipients.some((address) => isMeant(recipient, address)))
  )
}

/** How much is shown of what was found. */
export interface Listing {
  /** A word for an order; '': the usual one. */
  readonly sort: string
  /** Of each process, too. */
  readonly most: number
}

export type MessagesSought = Sought &
  Listing & {
    /** A MID, a transaction, a Message-ID or an address; '': any. */
    readonly wanted: string
  }

type Order<T> = (a: T, b: T) => number

/** That of a word; the first, which is the usual one, when there is none of it. */
export function orderOf<T>(orders: Readonly<Record<string, Order<T>>>, sort: string): Order<T> {
  const order = Object.hasOwn(orders, sort) ? orders[sort] : Object.values(orders)[0]
  return order ?? (() => 0)
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
