import { element } from './element.js'

const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })

/** By the server's clock, as far as it is known. */
let now = Date.now()

/** @param {number} takenAt milliseconds since 1970, of the server's clock */
export function itIs(takenAt) {
  now = takenAt
}

/**
 * `UTC+01:00`, of so many minutes.
 *
 * @param {number} offset
 */
export function zoneOf(offset) {
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0')
  return offset === 0 ? 'UTC' : `UTC${offset < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`
}

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
  const isToday = dayOf(at) === dayOf(now)
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
