/** How long, in the two largest units: `2 h 5 min`, `3.4 s`. */
export function durationText(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ]
  if (days > 0) return `${days} d ${hours} h`
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds % 60)} s`
}

/** `2026-11-21 04:41:12`, in local time. */
export function momentText(at: number): string {
  const date = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${clockText(at)}`
}

/** `04:41:12`, in local time. */
export function clockText(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}

/** `Fri Feb 16 19:55:34 2024 CST`, as the appliance writes it. */
export function applianceMoment(at: number): string {
  const date = new Date(at)
  const [weekday, month, day, year] = date.toDateString().split(' ')
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')?.value
  return `${weekday} ${month} ${day} ${clockText(at)} ${year} ${zone ?? ''}`.trimEnd()
}

/** Milliseconds, by the letter of the unit. */
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A day, or a time on it, in local time unless it has a zone; `Date.parse` alone takes much more. */
const MOMENT = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?$/

/**
 * The moment that `1h` or `2026-11-21T03:00` stands for, milliseconds since 1970; undefined: none, or none
 * that has passed.
 */
export function momentOf(text: string, now: number): number | undefined {
  const [, count, unit = ''] = /^(\d{1,9}) ?(s|m|h|d)$/.exec(text) ?? []
  if (count !== undefined) return Math.max(0, now - Number(count) * (UNITS[unit] ?? 0))
  if (!MOMENT.test(text)) return undefined
  // Of a day alone, Date.parse takes the midnight of UTC.
  const at = Date.parse(text.length > 10 ? text : `${text}T00:00`)
  return Number.isNaN(at) || at > now ? undefined : at
}
