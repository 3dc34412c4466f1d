import { safeText } from '../base/text'
import { Day } from './day'
import type { MinuteFigures } from './over-time'
import type { Status } from './status'

const MINUTE = 60_000

/** Intake domains of which the last 24 hours are kept. */
export const MOST_INTAKES = 10

/** What an intake's figures were at the last look. */
interface Seen {
  readonly delivered: number
  readonly failed: number
}

type DaySource = Pick<Status, 'minutes' | 'takenAt' | 'intakes' | 'silent'>

/**
 * The last 24 hours, of all and of each intake. A process counts the minutes of all; what an intake had
 * meanwhile is told by its figures at two looks. In the file they are a line each.
 */
export class Days {
  private readonly all: Day
  private readonly intakes = new Map<string, Day>()
  private readonly seen = new Map<string, Seen>()
  /** Of the present minute. */
  private readonly present = new Map<string, MinuteFigures>()

  /** `text`: what `text` gave before a restart, or anything. */
  constructor(text: string) {
    const [all = '', ...lines] = text.split('\n')
    this.all = new Day(all)
    for (const line of lines.slice(0, MOST_INTAKES)) {
      const at = line.indexOf('\t')
      if (at > 0) this.intakes.set(line.slice(0, at), new Day(line.slice(at + 1)))
    }
  }

  /** What all processes know together. */
  take({ minutes, takenAt, intakes, silent }: DaySource): void {
    this.all.take(minutes)
    // Without what one of them knows, the next look would have all of it anew.
    if (silent.length > 0) return
    const at = Math.floor(takenAt / MINUTE) * MINUTE
    for (const [domain, now] of byDomain(intakes)) {
      const day = this.dayOf(domain, takenAt)
      if (!day) continue
      const before = this.seen.get(domain) ?? { delivered: 0, failed: 0 }
      const minute = this.present.get(domain)
      const known = minute?.at === at ? minute : { delivered: 0, failed: 0 }
      const present = {
        at,
        // Figures that fell are those of a process that began anew.
        delivered: known.delivered + Math.max(0, now.delivered - before.delivered),
        failed: known.failed + Math.max(0, now.failed - before.failed),
        depth: now.depth,
      }
      this.seen.set(domain, now)
      const isIdle = present.delivered + present.failed + present.depth === 0
      if (isIdle && known !== minute) continue
      day.take([present])
      this.present.set(domain, present)
    }
  }

  /** The oldest first; minutes in which no server ran are missing. '': of all. */
  value(now: number, intake = ''): readonly MinuteFigures[] {
    const all = this.all.value(now)
    if (intake === '') return all
    const day = this.intakes.get(intake)
    if (!day) return []
    const own = new Map(day.value(now).map((minute) => [minute.at, minute]))
    return all.map(({ at }) => own.get(at) ?? { at, delivered: 0, failed: 0, depth: 0 })
  }

  /** For the file: some 50 KB at the most for each. */
  text(now: number): string {
    const lines = [...this.intakes].map(([domain, day]) => `${safeText(domain)}\t${day.text(now)}`)
    return [this.all.text(now), ...lines].join('\n')
  }

  /** One of which nothing was seen for a day makes room; undefined: there is none. */
  private dayOf(domain: string, now: number): Day | undefined {
    const known = this.intakes.get(domain)
    if (known) return known
    if (this.intakes.size >= MOST_INTAKES) {
      const [over] = [...this.intakes].find(([, day]) => day.value(now).length === 0) ?? []
      if (over === undefined) return undefined
      for (const each of [this.intakes, this.seen, this.present]) each.delete(over)
    }
    const day = new Day('')
    this.intakes.set(domain, day)
    return day
  }
}

function byDomain(intakes: Status['intakes']): Map<string, Seen & { readonly depth: number }> {
  const sums = new Map<string, Seen & { readonly depth: number }>()
  for (const { domain, delivered, hardBounced, active } of Object.values(intakes)) {
    const sum = sums.get(domain)
    sums.set(domain, {
      delivered: delivered + (sum?.delivered ?? 0),
      failed: hardBounced + (sum?.failed ?? 0),
      depth: active + (sum?.depth ?? 0),
    })
  }
  return sums
}
