import { bounded, LIMITS } from '../base/text'
import { type Clock, inTime } from '../clock'
import { LONGEST_REPORT } from './machine-report'
import { HEAD_OCTETS, LONGEST_DOCUMENT } from './shared-document'

/** What a machine said last. */
export interface StoredReport {
  readonly machine: string
  /** Milliseconds since 1970 by Redis's clock, as `now`: those of the machines may differ. */
  readonly at: number
  /** Null: it is too long ago, or was left out. */
  readonly text: string | null
  /** Why it was left out. */
  readonly leftOut?: string
}

export interface StoredReports {
  readonly now: number
  readonly reports: readonly StoredReport[]
}

/** What is asked of Redis, and no more. Every method rejects when it cannot be had. */
export interface Store {
  /** The first octets of the shared settings; '' when there are none. */
  head(): Promise<string>
  /** All of them, cut behind the longest that can be meant. */
  document(): Promise<string>
  /** Writes them if `expected` is what is there. */
  swap(expected: string, text: string): Promise<boolean>
  /** What this machine has to say; resolves with the first octets of what it takes the place of. */
  report(machine: string, text: string): Promise<string>
  reports(): Promise<StoredReports>
}

/** Sends one command; the reply as Redis gives it. */
export type Send = (words: readonly string[]) => Promise<unknown>

/** Seconds that a report is kept when no other comes. */
const REPORT_KEPT = 60
/** Milliseconds that a machine is remembered which reports no more. */
const MACHINE_KEPT = 7 * 86_400_000
/** Of more machines the ones that were heard of last are remembered. */
const MOST_MACHINES = 500

/** Octets of the report before, which tell whose it was. */
const REPORT_HEAD = 100

/** One command for all of it, and Redis's own time for the machines' order. */
const REPORT = `local before = redis.call('GETRANGE', KEYS[1], 0, ARGV[6] - 1)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -ARGV[5] - 1)
return before`

/** Octets of a machine's name in Redis, which anybody may have written. */
const LONGEST_MACHINE = 300
/** Octets of all reports together that are read for one look. */
const LONGEST_REPORTS = 64 * 1024 * 1024

/** The machines that were heard of last, the newest first, and Redis's own time. */
const MACHINES = `local found = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
for at = 1, #found, 2 do found[at] = string.sub(found[at], 1, tonumber(ARGV[2])) end
return {redis.call('TIME'), found}`

/** Of each report the text, or its length when it is beyond the bounds; -1: it is no text. */
const REPORTS = `local longest, left = tonumber(ARGV[1]), tonumber(ARGV[2])
local all = {}
for at, key in ipairs(KEYS) do
  local length = redis.pcall('STRLEN', key)
  if type(length) ~= 'number' then all[at] = -1
  elseif length > longest or length > left then all[at] = length
  else
    left = left - length
    all[at] = redis.call('GET', key)
  end
end
return all`

/** Compare and set: a script runs alone, so nobody writes in between. */
const SWAP = `if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`

/**
 * Keys: PREFIX:settings, the document; PREFIX:machines, a sorted set of the machines by the time of
 * their last report; PREFIX:machine:NAME, that report, which expires.
 */
export function redisStore(send: Send, prefix: () => string): Store {
  const settings = () => `${prefix()}:settings`
  const reportOf = (machine: string) => `${prefix()}:machine:${machine}`
  const start = async (octets: number) =>
    textOf(await send(['GETRANGE', settings(), '0', String(octets - 1)]))
  return {
    head: () => start(HEAD_OCTETS),
    document: () => start(LONGEST_DOCUMENT + 1),
    async swap(expected, text) {
      return (await send(['EVAL', SWAP, '1', settings(), expected, text])) === 1
    },
    async report(machine, text) {
      const keys = [reportOf(machine), `${prefix()}:machines`]
      const limits = [REPORT_KEPT, MACHINE_KEPT, MOST_MACHINES, REPORT_HEAD].map(String)
      return textOf(await send(['EVAL', REPORT, '2', ...keys, machine, text, ...limits]))
    },
    async reports() {
      const limits = [MOST_MACHINES, LONGEST_MACHINE].map(String)
      const answer = await send(['EVAL', MACHINES, '1', `${prefix()}:machines`, ...limits])
      const [time, found] = Array.isArray(answer) ? (answer as unknown[]) : []
      const known = machinesIn(found)
      const texts = known.length > 0 ? await reportsOf(known.map(({ machine }) => machine)) : []
      return {
        now: momentOf(time),
        reports: known.map((each, at) => ({ ...each, text: null, ...texts[at] })),
      }
    },
  }

  async function reportsOf(machines: readonly string[]): Promise<ReportText[]> {
    const limits = [LONGEST_REPORT, LONGEST_REPORTS].map(String)
    const keys = machines.map(reportOf)
    const texts = await send(['EVAL', REPORTS, String(keys.length), ...keys, ...limits])
    return keys.map((_, at) => reportTextOf(Array.isArray(texts) ? texts[at] : undefined))
  }
}

type ReportText = Pick<StoredReport, 'text' | 'leftOut'>

function reportTextOf(reply: unknown): ReportText {
  if (typeof reply === 'string') return { text: reply }
  if (typeof reply !== 'number') return { text: null }
  const all = `all together ${LONGEST_REPORTS}`
  const leftOut =
    reply < 0
      ? 'it is no text'
      : `it has ${reply} octets; at most ${LONGEST_REPORT} are read, of ${all}`
  return { text: null, leftOut }
}

/** Seconds and microseconds. */
function momentOf(time: unknown): number {
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : []
  return (seconds ?? NaN) * 1000 + Math.floor((micros ?? NaN) / 1000)
}

/** Members and scores by turns. */
function machinesIn(found: unknown): Pick<StoredReport, 'machine' | 'at'>[] {
  const all = Array.isArray(found) ? found.flat() : []
  const machines: Pick<StoredReport, 'machine' | 'at'>[] = []
  for (let at = 0; at + 1 < all.length; at += 2) {
    const moment = Number(all[at + 1])
    if (Number.isFinite(moment)) machines.push({ machine: textOf(all[at]), at: moment })
  }
  return machines
}

function textOf(reply: unknown): string {
  return typeof reply === 'string' || Buffer.isBuffer(reply) ? reply.toString() : ''
}

interface Connection {
  readonly store: Store
  close(): void
}

export type Asked<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'away'; readonly why: string }

/** Milliseconds for one question, a new connection included. */
export const ANSWER_TIME = 3_000

/**
 * The way to Redis. A question that fails, or has no answer in time, ends the connection, so that
 * no late reply is taken for another's; the next question opens a new one. Nothing is queued.
 */
export class Link {
  private connection: Connection | undefined
  private opening: Promise<Connection> | undefined
  private over = false

  constructor(
    private readonly open: () => Promise<Connection>,
    private readonly clock: Clock,
  ) {}

  async ask<T>(work: (store: Store) => Promise<T>): Promise<Asked<T>> {
    if (this.over) return { kind: 'away', why: 'the server ends' }
    try {
      return {
        kind: 'ok',
        value: await this.inTime(this.connected().then(({ store }) => work(store))),
      }
    } catch (error) {
      this.drop()
      const why = error instanceof Error ? error.message : String(error)
      return { kind: 'away', why: bounded(why, LIMITS.sentence) }
    }
  }

  /** Until the next question. */
  rest(): void {
    this.drop()
  }

  /** For good. */
  close(): void {
    this.over = true
    this.drop()
  }

  /** An opening that still hangs is joined by the next question; it never becomes two. */
  private async connected(): Promise<Connection> {
    if (this.connection) return this.connection
    this.opening ??= this.open().finally(() => (this.opening = undefined))
    const connection = await this.opening
    if (this.over) connection.close()
    else this.connection = connection
    return connection
  }

  private drop(): void {
    this.connection?.close()
    this.connection = undefined
  }

  private inTime<T>(work: Promise<T>): Promise<T> {
    return inTime(this.clock, work, ANSWER_TIME)
  }
}
