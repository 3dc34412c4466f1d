/**
 * What the address names behind `#`: all intakes or one of them, and which messages are listed, so that
 * each view has a link of its own.
 *
 * @typedef {object} View
 * @property {string} intake its domain, or one of its addresses; '': all
 * @property {string} domain of that intake
 * @property {string} count what a copy for it came to; '': anything
 * @property {string} message that is searched for
 * @property {string} group id of copies that were given up for one thing
 */

/** @returns {View} */
export function viewNow() {
  const named = new URLSearchParams(location.hash.slice(1))
  const value = (/** @type {string} */ name) => (named.get(name) ?? '').trim()
  const intake = value('intake')
  return {
    intake,
    domain: intake.slice(intake.lastIndexOf('@') + 1),
    count: value('count'),
    message: value('message'),
    group: value('given-up'),
  }
}

/**
 * The address of a view.
 *
 * @param {Readonly<Record<string, string>>} names
 */
export function linkTo(names) {
  const given = Object.entries(names).filter(([, value]) => value !== '')
  return `#${new URLSearchParams(given)}`
}

/**
 * Of a file or of data, with what is asked for.
 *
 * @param {string} path
 * @param {Readonly<Record<string, string>>} names
 */
export function pathWith(path, names) {
  const asked = linkTo(names).slice(1)
  return asked === '' ? path : `${path}?${asked}`
}
