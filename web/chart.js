import { drawn, element, table } from './element.js'
import { counted, timeOf } from './format.js'

/**
 * @typedef {object} Series
 * @property {string} name also the class that colours it
 * @property {string} label
 * @property {(minute: Minute) => number} value
 */

/** @typedef {{ at: number, delivered: number, failed: number, depth: number }} Minute */

const MINUTE = 60_000
const MINUTES = 60

// In units of the drawing.
const WIDTH = 560
const HEIGHT = 170
const LEFT = 44
const BOTTOM = 20
const TOP = 8
const SLOT = (WIDTH - LEFT) / MINUTES

/**
 * The last hour as bars, one a minute, the series of a minute on top of one another. A minute is
 * picked with the pointer or the arrow keys; the same figures stand in a table below.
 */
export class Chart {
  /** @type {Minute[]} */
  minutes = []
  /** The minute that was picked, by its place; -1: the last one. */
  picked = -1

  /**
   * @param {HTMLElement} place
   * @param {string} title
   * @param {readonly Series[]} series
   */
  constructor(place, title, series) {
    this.series = series
    this.cursor = drawn('rect', { class: 'cursor', y: TOP, width: SLOT, visibility: 'hidden' })
    this.cursor.setAttribute('height', String(HEIGHT - BOTTOM - TOP))
    this.bars = drawn('g')
    this.frame = drawn('g')
    this.svg = drawn(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: 'img',
        tabindex: 0,
        'aria-label': `${title}, the last hour; arrow keys pick a minute`,
      },
      this.frame,
      this.cursor,
      this.bars,
    )
    this.legend = element('p', { class: 'legend', 'aria-live': 'off' })
    this.figures = element('div', { class: 'scroll', tabindex: 0, role: 'region' })
    this.figures.setAttribute('aria-label', `${title}, minute by minute`)
    const details = element('details', {}, element('summary', {}, 'As a table'), this.figures)
    place.replaceChildren(this.legend, this.svg, details)
    this.listen()
  }

  /**
   * @param {readonly Minute[]} known
   * @param {number} now
   */
  show(known, now) {
    this.minutes = hourOf(known, now)
    const top = niceTop(Math.max(...this.minutes.map((minute) => this.total(minute))))
    this.frame.replaceChildren(...gridLines(top), ...timeMarks(this.minutes))
    this.bars.replaceChildren(...this.minutes.flatMap((minute, at) => this.bar(minute, at, top)))
    this.pick(this.picked)
    const rows = this.minutes
      .map((minute) => [timeOf(minute.at).slice(0, 5), ...this.series.map((s) => s.value(minute))])
      .reverse()
    this.figures.replaceChildren(table(['Minute', ...this.series.map((s) => s.label)], rows))
  }

  /** @param {number} at */
  pick(at) {
    this.picked = at
    const minute = this.minutes.at(at)
    if (!minute) return
    this.cursor.setAttribute('visibility', at < 0 ? 'hidden' : 'visible')
    this.cursor.setAttribute('x', String(LEFT + at * SLOT))
    this.legend.replaceChildren(
      element('span', {}, at < 0 ? 'This minute' : timeOf(minute.at).slice(0, 5)),
      ...this.series.map(({ name, label, value }) =>
        element('span', {}, element('i', { class: name }), `${label} ${counted(value(minute))}`),
      ),
    )
  }

  /** @param {Minute} minute */
  total(minute) {
    return this.series.reduce((sum, { value }) => sum + value(minute), 0)
  }

  /**
   * @param {Minute} minute
   * @param {number} at
   * @param {number} top
   */
  bar(minute, at, top) {
    let y = HEIGHT - BOTTOM
    return this.series.flatMap(({ name, value }) => {
      const height = (value(minute) / top) * (HEIGHT - BOTTOM - TOP)
      if (height === 0) return []
      y -= height
      return [drawn('rect', { class: name, x: LEFT + at * SLOT + 1, y, width: SLOT - 2, height })]
    })
  }

  listen() {
    this.svg.addEventListener('pointermove', (event) => {
      const { left, width } = this.svg.getBoundingClientRect()
      const x = ((event.clientX - left) / width) * WIDTH
      const at = Math.floor((x - LEFT) / SLOT)
      this.pick(at >= 0 && at < MINUTES ? at : -1)
    })
    this.svg.addEventListener('pointerleave', () => this.pick(-1))
    this.svg.addEventListener('blur', () => this.pick(-1))
    this.svg.addEventListener('keydown', (event) => {
      const from = this.picked < 0 ? MINUTES : this.picked
      const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: MINUTES - 1 }[event.key]
      if (to === undefined) return
      event.preventDefault()
      this.legend.setAttribute('aria-live', 'polite')
      this.pick(Math.min(MINUTES - 1, Math.max(0, to)))
    })
  }
}

/**
 * Sixty minutes, those before the start of the server empty.
 *
 * @param {readonly Minute[]} known
 * @param {number} now
 * @returns {Minute[]}
 */
function hourOf(known, now) {
  const last = Math.floor(now / MINUTE) * MINUTE
  const byTime = new Map(known.map((minute) => [minute.at, minute]))
  return Array.from({ length: MINUTES }, (_, back) => {
    const at = last - (MINUTES - 1 - back) * MINUTE
    return byTime.get(at) ?? { at, delivered: 0, failed: 0, depth: 0 }
  })
}

/**
 * The next of 4, 10, 20, 40, 100, ... so that a quarter, too, is a whole number or a half.
 *
 * @param {number} most
 */
function niceTop(most) {
  for (let unit = 1; ; unit *= 10) {
    for (const step of [4, 10, 20]) if (most <= step * unit) return step * unit
  }
}

/** @param {number} top */
function gridLines(top) {
  return [0, 0.5, 1].flatMap((part) => {
    const y = HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)
    return [
      drawn('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: y, y2: y }),
      drawn('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, counted(part * top)),
    ]
  })
}

/** @param {readonly Minute[]} minutes */
function timeMarks(minutes) {
  return minutes.flatMap(({ at }, place) => {
    if (new Date(at).getMinutes() % 15 !== 0) return []
    const x = LEFT + (place + 0.5) * SLOT
    const anchor = place < 3 ? 'start' : place > MINUTES - 4 ? 'end' : 'middle'
    const text = timeOf(at).slice(0, 5)
    return [drawn('text', { x, y: HEIGHT - 5, 'text-anchor': anchor }, text)]
  })
}
