import { element, table } from './element.js'
import { counted, timeOf } from './format.js'

/**
 * @typedef {object} Series
 * @property {string} name of the variable that has its colour
 * @property {string} label
 * @property {(minute: Minute) => number} value
 */

/** @typedef {{ at: number, delivered: number, failed: number, depth: number }} Minute */

const MINUTE = 60_000
const HEIGHT = 190
/** Seconds that the chart has at least: the first minutes stand at its end. */
const LEAST = 900
/** Of the table below the chart: a day has too many. */
const ROWS = 60

/**
 * The last hour or the last day, drawn by uPlot. A minute is picked with the pointer or the arrow keys;
 * the figures of the last hour stand in a table below.
 */
export class Chart {
  /** @type {readonly Minute[]} */
  minutes = []
  /** The minute that was picked, by its place; -1: the last one. */
  picked = -1

  /**
   * @param {HTMLElement} place
   * @param {string} title
   * @param {readonly Series[]} series
   */
  constructor(place, title, series) {
    this.title = title
    this.series = series
    this.legend = element('p', { class: 'legend', 'aria-live': 'off' })
    this.box = element('div', { class: 'plot', role: 'img', tabindex: 0 })
    this.figures = element('div', { class: 'scroll', tabindex: 0, role: 'region' })
    this.figures.setAttribute('aria-label', `${title}, minute by minute`)
    const details = element('details', {}, element('summary', {}, 'As a table'), this.figures)
    place.replaceChildren(this.legend, this.box, details)
    this.plot = this.drawn()
    new ResizeObserver(() => this.fit()).observe(this.box)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', () => {
      this.plot.destroy()
      this.plot = this.drawn()
      this.show(this.minutes)
    })
    this.box.addEventListener('blur', () => this.pick(-1))
    this.box.addEventListener('keydown', (event) => this.key(event))
  }

  drawn() {
    const style = getComputedStyle(document.documentElement)
    /** @param {string} name */
    const colour = (name) => style.getPropertyValue(`--${name}`)
    const axis = { stroke: colour('faint'), grid: { stroke: colour('line'), width: 1 } }
    return new uPlot(
      {
        ...{ width: this.box.clientWidth || 300, height: HEIGHT, legend: { show: false } },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: {
          x: { range: () => this.span() },
          y: { range: (_plot, _least, most) => [0, Math.max(4, most * 1.05)] },
        },
        axes: [
          { ...axis, values: (_plot, marks) => marks.map((at) => timeOf(at * 1000).slice(0, 5)) },
          { ...axis, size: 56, values: (_plot, marks) => marks.map(counted) },
        ],
        series: [
          {},
          ...this.series.map(({ name, label }) => ({
            ...{ label, stroke: colour(name), fill: `${colour(name)}33`, width: 1.5 },
            // Of a minute alone there is no line.
            ...{ spanGaps: false, points: { size: 4, fill: colour(name) } },
          })),
        ],
        hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx ?? -1)] },
      },
      [[], ...this.series.map(() => [])],
      this.box,
    )
  }

  /** @param {readonly Minute[]} minutes the oldest first */
  show(minutes) {
    this.minutes = withGaps(minutes)
    const at = this.minutes.map((minute) => minute.at / 1000)
    const values = this.series.map(({ value }) =>
      this.minutes.map((minute) => (minute.delivered < 0 ? null : value(minute))),
    )
    this.plot.setData([at, ...values])
    this.tell(this.picked)
    const [begin, end] = this.span().map((second) => timeOf(second * 1000).slice(0, 5))
    const label = `${this.title}, ${begin} to ${end}; arrow keys pick a minute`
    this.box.setAttribute('aria-label', label)
    const rows = minutes
      .slice(-ROWS)
      .map((minute) => [timeOf(minute.at).slice(0, 5), ...this.series.map((s) => s.value(minute))])
      .reverse()
    this.figures.replaceChildren(table(['Minute', ...this.series.map((s) => s.label)], rows))
  }

  /**
   * Seconds since 1970. Of a minute alone uPlot would make a thousand days.
   *
   * @returns {[number, number]}
   */
  span() {
    const [first, last] = [this.minutes[0]?.at, this.minutes.at(-1)?.at]
    const end = (last ?? Date.now()) / 1000
    return [Math.min((first ?? Infinity) / 1000, end - LEAST), end]
  }

  fit() {
    this.plot.setSize({ width: this.box.clientWidth, height: HEIGHT })
  }

  /** @param {number} at */
  pick(at) {
    const left = at < 0 ? -10 : this.plot.valToPos((this.minutes[at]?.at ?? 0) / 1000, 'x')
    this.plot.setCursor({ left, top: 10 })
    this.tell(at)
  }

  /** @param {number} at */
  tell(at) {
    this.picked = at
    const minute = this.minutes.at(at)
    if (!minute || minute.delivered < 0) return
    this.legend.replaceChildren(
      element('span', {}, at < 0 ? 'This minute' : timeOf(minute.at).slice(0, 5)),
      ...this.series.map(({ name, label, value }) =>
        element('span', {}, element('i', { class: name }), `${label} ${counted(value(minute))}`),
      ),
    )
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = this.minutes.length - 1
    const from = this.picked < 0 ? last + 1 : this.picked
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key]
    if (to === undefined) return
    event.preventDefault()
    this.legend.setAttribute('aria-live', 'polite')
    this.pick(Math.min(last, Math.max(0, to)))
  }
}

/**
 * Where no server ran there is nothing to draw: a minute of -1.
 *
 * @param {readonly Minute[]} minutes
 * @returns {Minute[]}
 */
function withGaps(minutes) {
  return minutes.flatMap((minute, at) => {
    const before = minutes[at - 1]
    const isGap = before && minute.at - before.at > MINUTE
    return isGap
      ? [{ at: before.at + MINUTE, delivered: -1, failed: 0, depth: 0 }, minute]
      : [minute]
  })
}
