import { byId, element } from './element.js'
import { moment } from './format.js'

/** @import { Found } from './types' */

/**
 * Answers the form from this page, without leaving it, and shows what the address names behind `#`: one
 * message, or those of an intake; so each view has a link of its own.
 */
export function answerSearch() {
  const form = /** @type {HTMLFormElement} */ (byId('search'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const wanted = String(new FormData(form).get('q') ?? '').trim()
    if (wanted === '') return
    const hash = `#message=${encodeURIComponent(wanted)}`
    if (location.hash === hash) follow()
    else location.hash = hash
  })
  addEventListener('hashchange', follow)
  follow()
}

function follow() {
  const named = new URLSearchParams(location.hash.slice(1))
  const [message, intake] = [named.get('message'), named.get('intake')]
  if (message === null && intake === null) return
  const wanted = /** @type {HTMLInputElement} */ (byId('wanted'))
  wanted.value = message ?? ''
  const count = named.get('count') ?? ''
  const about =
    intake === null ? '' : ` of ${intake}${count === '' ? '' : `, ${WORDS[count] ?? count}`}`
  void search(new URLSearchParams({ q: message ?? '', intake: intake ?? '', count }), about)
  if (intake !== null) byId('search-heading').scrollIntoView()
}

/** @type {Readonly<Record<string, string>>} */
const WORDS = { delivered: 'delivered', softBounced: 'soft bounced', hardBounced: 'given up' }

let latest = 0

/**
 * @param {URLSearchParams} sought
 * @param {string} about
 */
async function search(sought, about) {
  const own = ++latest
  say('Searching ...', [])
  const result = await ask(sought)
  // Somebody asked for another one meanwhile.
  if (own !== latest) return
  if (typeof result === 'string') return say(result, [])
  const { messages, silent } = result
  const missing = silent.length > 0 ? `; ${silent.length} worker(s) did not answer` : ''
  say(`${number(messages.length)}${about} found${missing}.`, messages.map(message))
}

/**
 * @param {URLSearchParams} sought
 * @returns {Promise<Found | string>}
 */
async function ask(sought) {
  try {
    const answer = await fetch(`track?${sought}`)
    return answer.ok ? await answer.json() : await answer.text()
  } catch {
    return 'The server cannot be reached.'
  }
}

/**
 * @param {string} text
 * @param {readonly HTMLElement[]} found
 */
function say(text, found) {
  byId('found-count').textContent = text
  byId('found').replaceChildren(...found)
}

/** @param {number} count */
function number(count) {
  if (count === 0) return 'No message'
  return count === 1 ? 'One message' : `${count} messages`
}

/** @param {Found['messages'][number]} track */
function message({ messageId, transaction, at, sender, recipients, recipientCount, steps }) {
  const rest = recipientCount - recipients.length
  const to = [...recipients, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
  const envelope = recipientCount === 0 ? 'found in the queue' : `from ${sender || '<>'} to ${to}`
  return element(
    'li',
    {},
    element(
      'h3',
      {},
      element(
        'a',
        { href: `#message=${encodeURIComponent(transaction)}` },
        messageId || 'without a Message-ID',
      ),
    ),
    element('p', { class: 'note' }, moment(at), ` ${transaction}, ${envelope}`),
    element('ol', { class: 'steps' }, ...steps.map(step)),
  )
}

/** @param {Found['messages'][number]['steps'][number]} step */
function step({ at, text }) {
  return element('li', {}, moment(at), element('span', {}, text))
}
