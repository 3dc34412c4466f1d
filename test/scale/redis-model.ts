import type { SendOctets } from '../../plugins/tdc/queue/shared/redis-queue'
import type { FakeClock } from '../support/fake-clock'

/** Milliseconds of a round trip within a site. */
const ROUND_TRIP = 1

/** Octets of the protocol and of TCP, for each word of a command. */
const FRAMING = 12

/** What Redis 7 takes for an entry beside its octets: measured, 5,250 for 5,000 and 82,000 for 76,000. */
const OVERHEAD = 1.075

export interface RedisFigures {
  readonly commands: number
  /** Octets that came. */
  readonly received: number
  /** Milliseconds in which something was written: so many fsyncs with `appendfsync always` on a disk that is as quick. */
  readonly writes: number
  /** Octets, at the most. */
  readonly memory: number
}

/** A Redis that many processes share, as far as it is loaded: it counts what it is asked, and keeps no octets. */
export class RedisModel {
  private commands = 0
  private received = 0
  private writes = 0
  private peak = 0
  private octets = 0
  private lastWrite = -1
  private readonly streams = new Map<string, Map<string, number>>()
  private readonly reports = new Map<string, string>()

  constructor(private readonly clock: FakeClock) {}

  get figures(): RedisFigures {
    const { commands, received, writes, peak } = this
    return { commands, received, writes, memory: peak * OVERHEAD }
  }

  readonly send: SendOctets = (words) => {
    const [name, script = ''] = words.map(String) as [string, string?]
    this.commands++
    for (const word of words) this.received += word.length + FRAMING
    const reply = this.replyTo(name, script, words)
    return new Promise((resolve) => this.clock.after(ROUND_TRIP, () => resolve(reply)))
  }

  private replyTo(name: string, script: string, words: Parameters<SendOctets>[0]): unknown {
    const now = this.clock.monotonic()
    const isRead = name === 'EVAL' && !script.includes('ZADD')
    const moment = Math.floor(now)
    if (!isRead && moment !== this.lastWrite) this.writes++
    if (!isRead) this.lastWrite = moment
    if (name === 'XADD') return this.add(words)
    if (name === 'XDEL') return this.end(words)
    if (name !== 'EVAL') return 0
    if (isRead) return [...this.reports].flat()
    this.reports.set(String(words[6]), String(now))
    return ['ours', now]
  }

  private add([, key, , id, ...fields]: Parameters<SendOctets>[0]): string {
    const octets = fields.reduce((sum, field) => sum + field.length, 0)
    const stream = this.streams.get(String(key)) ?? new Map<string, number>()
    this.streams.set(String(key), stream.set(String(id), octets))
    this.octets += octets
    this.peak = Math.max(this.peak, this.octets)
    return String(id)
  }

  private end([, key, ...ids]: Parameters<SendOctets>[0]): number {
    const stream = this.streams.get(String(key))
    for (const id of ids.map(String)) {
      this.octets -= stream?.get(id) ?? 0
      stream?.delete(id)
    }
    return ids.length
  }
}
