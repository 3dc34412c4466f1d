import { byId } from './element.js'
import { duration, timeOf } from './format.js'

/** @import { StatusView } from './types' */

/** Milliseconds before a page that was turned away asks again. */
const ASK_AGAIN = 10_000

/** Milliseconds without news, of which there are some each second, after which the page is old. */
const OLD = 8_000
const LOOK = 1_000

/** @type {readonly [what: string, todo: string]} */
const SILENT = ['The server says nothing', 'Is it up?']

/** @type {EventSource | undefined} */
let events
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again
/** When the last news came, and when they were asked for, by a clock that nobody sets. */
let heardAt = performance.now()
let askedAt = heardAt
/** What is in the way, and what to do. */
let trouble = SILENT
/** What they were told of, by the server's clock; 0: nothing came yet. */
let toldOf = 0

/**
 * Passes on what the server tells. A server that hangs, or whose network is gone, says no goodbye: the page
 * says by itself that it is old.
 *
 * @param {(status: StatusView) => void} take
 */
export function followNews(take) {
  const watch = () => {
    clearTimeout(again)
    events?.close()
    // Nobody looks at a hidden page: it takes no news.
    if (document.hidden) return
    askedAt = performance.now()
    events = new EventSource('events')
    events.addEventListener('message', ({ data }) => {
      /** @type {StatusView} */
      const status = JSON.parse(data)
      heardAt = performance.now()
      toldOf = status.takenAt
      take(status)
      live()
    })
    events.addEventListener('error', () => {
      lost(['Connection lost', 'Is the server up?'])
      // The browser comes back by itself, unless it was turned away.
      if (events?.readyState !== EventSource.CLOSED) return
      again = setTimeout(watch, ASK_AGAIN)
      void tellWhy()
    })
  }
  document.addEventListener('visibilitychange', watch)
  setInterval(() => {
    if (!document.hidden && performance.now() - Math.max(heardAt, askedAt) > OLD) lost(trouble)
  }, LOOK)
  watch()
}

/** An event stream that is refused does not say why; another request does. */
async function tellWhy() {
  try {
    const { ok, status } = await fetch('status')
    if (status === 401) lost(['The session is over', 'Load the page anew to show the token.'])
    if (ok) lost(['Too many pages are watching', 'Close one of them.'])
  } catch {
    // The connection is lost, as it stands there.
  }
}

function live() {
  trouble = SILENT
  say('live', 'Live')
  byId('stale').hidden = true
  document.title = titled('')
}

/** @param {typeof trouble} now */
function lost(now) {
  trouble = now
  const [what, todo] = now
  say('lost', `${what}, the figures are old`)
  const notice = byId('stale')
  const since = duration(performance.now() - heardAt)
  const text =
    toldOf === 0
      ? `${what}: nothing was heard of the server yet. ${todo}`
      : `${what}: all that stands here is of ${timeOf(toldOf)}. ${todo}`
  // Said once, not each second; for how long stands in the title.
  if (notice.textContent !== text) notice.textContent = text
  notice.hidden = false
  document.title = titled(`no news for ${since}: `)
}

/** @param {string} before */
function titled(before) {
  return before + document.title.replace(/^no news for [^:]*: /, '')
}

/**
 * @param {'live' | 'lost'} state
 * @param {string} text
 */
function say(state, text) {
  const place = byId('live')
  document.body.dataset['news'] = state
  if (place.textContent === text) return
  place.dataset['state'] = state
  place.textContent = text
}
