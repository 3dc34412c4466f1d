type Order<T> = (a: T, b: T) => number

interface Queued {
  readonly ageMs: number
  readonly size: number
  readonly attempts: number
  readonly intake: string
}

interface Kept {
  readonly at: number
  readonly bytes: number
  readonly cause: string
}

interface Lost {
  readonly at: number
  readonly reason: string
  readonly intake: string
}

interface Dated {
  readonly at: number
}

/** How a list may be sorted, by the word for it; the first is the usual one. */
export const QUEUE_ORDERS = {
  oldest: (a: Queued, b: Queued) => b.ageMs - a.ageMs,
  newest: (a: Queued, b: Queued) => a.ageMs - b.ageMs,
  largest: (a: Queued, b: Queued) => b.size - a.size,
  attempts: (a: Queued, b: Queued) => b.attempts - a.attempts || b.ageMs - a.ageMs,
  intake: (a: Queued, b: Queued) => byText(a.intake, b.intake) || b.ageMs - a.ageMs,
}

export const KEPT_ORDERS = {
  oldest: (a: Kept, b: Kept) => a.at - b.at,
  newest: (a: Kept, b: Kept) => b.at - a.at,
  largest: (a: Kept, b: Kept) => b.bytes - a.bytes,
  reason: (a: Kept, b: Kept) => byText(a.cause, b.cause) || a.at - b.at,
}

export const LOST_ORDERS = {
  newest: (a: Lost, b: Lost) => b.at - a.at,
  oldest: (a: Lost, b: Lost) => a.at - b.at,
  reason: (a: Lost, b: Lost) => byText(a.reason, b.reason) || b.at - a.at,
  intake: (a: Lost, b: Lost) => byText(a.intake, b.intake) || b.at - a.at,
}

export const MESSAGE_ORDERS = {
  newest: (a: Dated, b: Dated) => b.at - a.at,
  oldest: (a: Dated, b: Dated) => a.at - b.at,
}

/** That of a word; the usual one, when there is none of it. */
export function orderOf<T>(orders: Readonly<Record<string, Order<T>>>, sort: string): Order<T> {
  const order = Object.hasOwn(orders, sort) ? orders[sort] : Object.values(orders)[0]
  return order ?? (() => 0)
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
