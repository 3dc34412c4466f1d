import { element } from './element.js'

const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })

/** @param {number} at milliseconds since 1970 */
export function timeOf(at) {
  return TIME.format(at)
}

/** @param {number} at milliseconds since 1970 */
export function dayOf(at) {
  return DAY.format(at)
}

/**
 * With the day, unless it is today's.
 *
 * @param {number} at milliseconds since 1970
 * @returns {HTMLElement}
 */
export function moment(at) {
  const isToday = dayOf(at) === dayOf(Date.now())
  const text = isToday ? timeOf(at) : `${dayOf(at)}, ${timeOf(at)}`
  return element('time', { datetime: new Date(at).toISOString() }, text)
}

/** @param {number} number */
export function counted(number) {
  return number.toLocaleString('en')
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}
