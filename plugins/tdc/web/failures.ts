import { createHash } from 'node:crypto'

/** A copy that was given up (queue/lost-copies.ts), as far as the page shows it. */
export interface LostOne {
  readonly at: number
  readonly mid: string
  readonly messageId: string
  readonly intake: string
  readonly reason: string
  readonly text: string
  readonly attempts: number
  readonly ageMs: number
  /** When it was sent again; null: it was not. */
  readonly replayedAt: number | null
}

/** Copies that were given up for one thing. */
export interface FailureGroup {
  /** Part of an address: the same as long as there are such copies. */
  readonly id: string
  readonly domain: string
  readonly reason: string
  /** What was in the way of the newest of them. */
  readonly text: string
  readonly count: number
  readonly first: number
  readonly last: number
  /** The newest one's MID. */
  readonly example: string
}

/** The most frequent first: replies that differ in numbers alone are one. */
export function failureGroups(lost: readonly LostOne[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>()
  for (const copy of lost) {
    const { at, mid, reason, text } = copy
    const id = groupOf(copy)
    const known = groups.get(id)
    const isNewest = !known || at >= known.last
    groups.set(id, {
      ...{ id, domain: domainOf(copy), reason },
      text: isNewest ? text : known.text,
      example: isNewest ? mid : known.example,
      count: (known?.count ?? 0) + 1,
      first: Math.min(at, known?.first ?? at),
      last: Math.max(at, known?.last ?? at),
    })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || b.last - a.last)
}

const ID_LENGTH = 12

/** The id of its group. */
export function groupOf(copy: LostOne): string {
  const { reason, text } = copy
  const key = `${domainOf(copy)} ${reason} ${text.replace(/[0-9a-f]*\d[0-9a-f]*/gi, '#')}`
  return createHash('sha256').update(key).digest('base64url').slice(0, ID_LENGTH)
}

export function domainOf({ intake }: LostOne): string {
  return intake.slice(intake.lastIndexOf('@') + 1)
}
