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
