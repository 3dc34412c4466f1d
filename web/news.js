import { byId } from './element.js'
import { duration, timeOf } from './format.js'

/** @import { StatusView } from './types' */

/** Milliseconds before a page that was turned away asks again. */
const ASK_AGAIN = 10_000

/** Milliseconds without news, of which there are some each second, after which the page is old. */
const OLD = 8_000
const LOOK = 1_000

/** @type {EventSource | undefined} */
let events
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again
/** When the last news came, by a clock that nobody sets. */
let heardAt = performance.now()
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
    heardAt = performance.now()
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
      lost('Connection lost')
      // The browser comes back by itself, unless it was turned away.
      if (events?.readyState === EventSource.CLOSED) again = setTimeout(watch, ASK_AGAIN)
    })
  }
  document.addEventListener('visibilitychange', watch)
  setInterval(() => {
    if (!document.hidden && performance.now() - heardAt > OLD) lost('The server says nothing')
  }, LOOK)
  watch()
}

function live() {
  say('live', 'Live')
  byId('stale').hidden = true
  document.title = titled('')
}

/** @param {string} what */
function lost(what) {
  say('lost', `${what}, the figures are old`)
  const notice = byId('stale')
  const since = duration(performance.now() - heardAt)
  const text =
    toldOf === 0
      ? 'Nothing was heard of the server yet.'
      : `${what}: all that stands here is of ${timeOf(toldOf)}. Is the server up?`
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
  if (place.dataset['state'] === state) return
  place.dataset['state'] = state
  place.textContent = text
}
