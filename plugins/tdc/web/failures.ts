/** A copy that was given up (queue/lost-copies.ts), as far as the page groups it. */
export interface LostOne {
  readonly at: number
  readonly mid: string
  readonly intake: string
  readonly reason: string
  readonly text: string
}

/** Copies that were given up for one thing. */
export interface FailureGroup {
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
  for (const { at, mid, intake, reason, text } of lost) {
    const domain = intake.slice(intake.lastIndexOf('@') + 1)
    const key = `${domain} ${reason} ${text.replace(/[0-9a-f]*\d[0-9a-f]*/gi, '#')}`
    const known = groups.get(key)
    const isNewest = !known || at >= known.last
    groups.set(key, {
      ...{ domain, reason },
      text: isNewest ? text : known.text,
      example: isNewest ? mid : known.example,
      count: (known?.count ?? 0) + 1,
      first: Math.min(at, known?.first ?? at),
      last: Math.max(at, known?.last ?? at),
    })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || b.last - a.last)
}

/** Comma-separated values (RFC 4180); what a spreadsheet would take for a formula is text. */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => row.map(cellOf).join(',') + '\r\n').join('')
}

function cellOf(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value
  return `"${text.replaceAll('"', '""')}"`
}
