import { byId, element } from './element.js'
import { moment } from './format.js'

/** @import { Found } from './types' */

/** Answers the form from this page, without leaving it. */
export function answerSearch() {
  const form = /** @type {HTMLFormElement} */ (byId('search'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const wanted = String(new FormData(form).get('q') ?? '').trim()
    if (wanted !== '') void search(wanted)
  })
}

let latest = 0

/** @param {string} wanted */
async function search(wanted) {
  const own = ++latest
  say('Searching ...', [])
  const result = await ask(wanted)
  // Somebody asked for another one meanwhile.
  if (own !== latest) return
  if (typeof result === 'string') return say(result, [])
  const { messages, silent } = result
  const missing = silent.length > 0 ? `; ${silent.length} worker(s) did not answer` : ''
  say(`${number(messages.length)} found${missing}.`, messages.map(message))
}

/**
 * @param {string} wanted
 * @returns {Promise<Found | string>}
 */
async function ask(wanted) {
  try {
    const answer = await fetch(`track?${new URLSearchParams({ q: wanted })}`)
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
    element('h3', {}, messageId || 'without a Message-ID'),
    element('p', { class: 'note' }, moment(at), ` ${transaction}, ${envelope}`),
    element('ol', { class: 'steps' }, ...steps.map(step)),
  )
}

/** @param {Found['messages'][number]['steps'][number]} step */
function step({ at, text }) {
  return element('li', {}, moment(at), element('span', {}, text))
}
