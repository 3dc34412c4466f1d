/** The last second that a Date field of four year digits can name. */
const LAST_DATE = Date.UTC(9999, 11, 31, 23, 59, 59)

/** RFC 5322 3.3, in UTC. */
export function dateText(date: number): string {
  const time = Number.isFinite(date) ? Math.min(Math.max(date, 0), LAST_DATE) : 0
  return new Date(time).toUTCString().replace('GMT', '+0000')
}
