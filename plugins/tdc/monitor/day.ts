import { listOf, number } from '../base/shape'
import type { MinuteFigures } from './over-time'

/** Minutes of the last 24 hours. */
const DAY_MINUTES = 24 * 60
const MINUTE = 60_000

/** Four numbers a minute: at, delivered, failed, depth. */
const rowsShape = listOf(listOf(number, 4), DAY_MINUTES)

/**
 * The last 24 hours, minute by minute, over restarts: what a process counts begins anew with it, so what
 * was known before is added. Of processes that ended meanwhile the most that was seen of a minute stays.
 */
export class Day {
  private readonly before: ReadonlyMap<number, MinuteFigures>
  private readonly since = new Map<number, MinuteFigures>()

  /** `text`: what `text` gave before a restart, or anything. */
  constructor(text: string) {
    this.before = new Map(parsed(text).map((minute) => [minute.at, minute]))
  }

  /** What all processes know together of the last hour. */
  take(minutes: readonly MinuteFigures[]): void {
    for (const minute of minutes) {
      const known = this.since.get(minute.at)
      this.since.set(minute.at, {
        at: minute.at,
        delivered: Math.max(minute.delivered, known?.delivered ?? 0),
        failed: Math.max(minute.failed, known?.failed ?? 0),
        depth: minute.depth,
      })
      // The oldest was set first.
      const [oldest] = this.since.keys()
      if (this.since.size > DAY_MINUTES && oldest !== undefined) this.since.delete(oldest)
    }
  }

  /** The oldest first; minutes in which no server ran are missing. */
  value(now: number): MinuteFigures[] {
    const first = now - DAY_MINUTES * MINUTE
    return [...new Set([...this.before.keys(), ...this.since.keys()])]
      .filter((at) => at > first && at <= now)
      .sort((a, b) => a - b)
      .map((at) => sum(at, this.before.get(at), this.since.get(at)))
  }

  /** For the file: some 50 KB at the most. */
  text(now: number): string {
    const rows = this.value(now).map(({ at, delivered, failed, depth }) => [
      ...[at, delivered, failed, depth],
    ])
    return JSON.stringify(rows)
  }
}

function sum(at: number, before?: MinuteFigures, since?: MinuteFigures): MinuteFigures {
  return {
    at,
    delivered: (before?.delivered ?? 0) + (since?.delivered ?? 0),
    failed: (before?.failed ?? 0) + (since?.failed ?? 0),
    depth: since?.depth ?? before?.depth ?? 0,
  }
}

function parsed(text: string): MinuteFigures[] {
  try {
    const rows = JSON.parse(text) as number[][]
    if (rowsShape(rows, 'it') !== undefined) return []
    return rows.map(([at = 0, delivered = 0, failed = 0, depth = 0]) => ({
      ...{ at, delivered, failed, depth },
    }))
  } catch {
    return []
  }
}
