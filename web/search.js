import { linkTo, pathWith, viewNow } from './address.js'
import { byId, element } from './element.js'
import { counted, duration, moment } from './format.js'

/** @import { View } from './address.js' */
/** @import { FoundView, LostView } from './types' */

/** What an intake's messages are picked by, and what the list is called then. */
const COUNTS = /** @type {const} */ ({
  '': ['All', ''],
  active: ['In the queue', ', in the queue'],
  delivered: ['Delivered', ', delivered'],
  softBounced: ['Soft bounced', ', soft bounced'],
  hardBounced: ['Given up', ', given up'],
})

const SEARCHING = 'Searching ...'

/** @type {(view: View) => number | undefined} */
let figureNow = () => undefined

/**
 * Answers the form from this page, without leaving it.
 *
 * @param {(view: View) => number | undefined} figureOf what the table counts of a view
 */
export function answerSearch(figureOf) {
  figureNow = figureOf
  const form = /** @type {HTMLFormElement} */ (byId('search'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const message = String(new FormData(form).get('q') ?? '').trim()
    if (message === '') return
    const hash = linkTo({ message })
    say(SEARCHING, [])
    if (location.hash === hash) showFound(viewNow())
    else location.hash = hash
  })
  byId('again').addEventListener('click', () => showFound(viewNow()))
}

/**
 * The messages that a view names: those of an intake, one that is searched for, or the copies of a group.
 *
 * @param {View} view
 */
export function showFound(view) {
  const { intake, message, count, group } = view
  const wanted = /** @type {HTMLInputElement} */ (byId('wanted'))
  if (message !== '') wanted.value = message
  byId('search-heading').textContent =
    intake === '' ? 'What became of a message' : `Messages to ${intake}`
  byId('picks').replaceChildren(...picks(view))
  const list = group === '' ? { q: message, intake, count } : { group }
  const csv = byId('found-csv')
  csv.hidden = group === '' && intake === ''
  csv.setAttribute('href', pathWith(group === '' ? 'messages.csv' : 'lost.csv', list))
  if (group !== '') void tell(pathWith('lost', list), lostOnes)
  else if (message !== '' || intake !== '') void tell(pathWith('track', list), messagesOf(view))
  else say('', [])
}

/** @param {View} view */
function picks({ intake, count, group }) {
  return Object.entries(COUNTS).map(([name, [text]]) => {
    const isIt = name === count && group === ''
    const attributes = { href: linkTo({ intake, count: name }), ...(isIt && { class: 'picked' }) }
    return element('a', { ...attributes, ...(isIt && { 'aria-current': 'true' }) }, text)
  })
}

let latest = 0

/**
 * @template T
 * @param {string} path
 * @param {(found: T) => readonly [text: string, items: readonly HTMLElement[]]} shown
 */
async function tell(path, shown) {
  const own = ++latest
  say(SEARCHING, [])
  /** @type {readonly [string, readonly HTMLElement[]]} */
  let told
  try {
    const answer = await fetch(path)
    told = answer.ok ? shown(await answer.json()) : [await answer.text(), []]
  } catch {
    told = ['The server cannot be reached.', []]
  }
  // Somebody asked for another one meanwhile.
  if (own === latest) say(...told)
}

/**
 * @param {string} text
 * @param {readonly HTMLElement[]} found
 */
function say(text, found) {
  if (text === '') latest++
  byId('found-count').textContent = text
  byId('found').replaceChildren(...found)
}

/**
 * @param {View} view
 * @returns {(found: FoundView) => readonly [string, readonly HTMLElement[]]}
 */
function messagesOf(view) {
  const { intake, count } = view
  const [, came] = Object.entries(COUNTS).find(([name]) => name === count)?.[1] ?? COUNTS['']
  const about = intake === '' ? '' : ` of ${intake}${came}`
  return ({ messages, silent, more }) => {
    const missing = silent.length > 0 ? `; ${silent.length} worker(s) did not answer` : ''
    const older = more ? '; there are older ones' : ''
    const figure = figureNow(view) ?? 0
    const what = count === 'softBounced' ? 'attempts' : 'copies'
    const others =
      more || figure <= messages.length
        ? ''
        : `; ${counted(figure)} ${what} are counted, of messages that may be forgotten by now`
    const text = `${number(messages.length)}${about} found${older}${others}${missing}.`
    return [text, messages.map((each) => message(each, messages.length === 1))]
  }
}

/** @param {number} count */
function number(count) {
  if (count === 0) return 'No message'
  return count === 1 ? 'One message' : `${count} messages`
}

/**
 * @param {FoundView['messages'][number]} track
 * @param {boolean} isOnly of several the steps are a click away
 */
function message(
  { messageId, transaction, at, sender, recipients, recipientCount, steps },
  isOnly,
) {
  const rest = recipientCount - recipients.length
  const to = [...recipients, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
  const envelope = recipientCount === 0 ? 'found in the queue' : `from ${sender || '<>'} to ${to}`
  const list = element('ol', { class: 'steps' }, ...steps.map(step))
  const last = steps.at(-1)
  const closed = element('details', {}, element('summary', {}, last?.text ?? ''), list)
  return element(
    'li',
    {},
    named(messageId, transaction),
    element('p', { class: 'note' }, moment(at), ` ${transaction}, ${envelope}`),
    isOnly ? list : closed,
  )
}

/** @param {LostView} found */
function lostOnes({ copies, count }) {
  const more = count > copies.length ? `, the newest ${copies.length} are shown` : ''
  const copy = count === 1 ? 'One copy was' : `${counted(count)} copies were`
  const text = count === 0 ? 'No such copy is known of any more.' : `${copy} given up so${more}.`
  return /** @type {const} */ ([text, copies.map(lostOne)])
}

/** @param {LostView['copies'][number]} copy */
function lostOne({ at, mid, messageId, intake, reason, text, attempts, ageMs, replayedAt }) {
  const tried = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} in ${duration(ageMs)}`
  const again = replayedAt === null ? [] : [element('li', {}, moment(replayedAt), 'sent again')]
  return element(
    'li',
    {},
    named(messageId, mid),
    element('p', { class: 'note' }, `${mid}, for ${intake}, ${tried}`),
    element(
      'ol',
      { class: 'steps' },
      element('li', {}, moment(at), element('span', {}, `${reason}: ${text}`)),
      ...again,
    ),
  )
}

/**
 * @param {string} messageId
 * @param {string} mid
 */
function named(messageId, mid) {
  const link = element('a', { href: linkTo({ message: mid }) }, messageId || 'without a Message-ID')
  return element('h3', {}, link)
}

/** @param {FoundView['messages'][number]['steps'][number]} step */
function step({ at, text }) {
  return element('li', {}, moment(at), element('span', {}, text))
}
