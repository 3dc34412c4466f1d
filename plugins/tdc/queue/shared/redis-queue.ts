import type { CopyRecord } from '../copy-store'

/** Sends one command; texts in the reply are octets. */
export type SendOctets = (words: readonly (string | Buffer)[]) => Promise<unknown>

/** Octets of a queue file: the longest original that is made in memory, every line of it stuffed, and its report. */
export const LONGEST_SHARED = 1024 * 1024

/** Of one takeover. */
export const TAKEN_AT_ONCE = 64
const TAKEN_OCTETS = 1024 * 1024

/** Owners that are looked at; of more the last in their order are not seen. */
export const MOST_OWNERS = 1_000
export const LONGEST_OWNER = 400
/** Entries that are no copies, of one owner; behind more nothing is looked for. */
const MOST_WRONG = 1_000
/** Seconds that it is remembered that an owner's copies were taken over, and that what is no copy is kept. */
const [TOMBSTONE_KEPT, ASIDE_KEPT] = [604_800, 604_800]
/** Copies that are kept whose head cannot be read. */
const MOST_ASIDE = 100
/** Copies that are ended by one command. */
const ENDED_AT_ONCE = 1_000

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * "I am here." The first entry that a connection makes has a higher number than all that were sent before: what
 * another connection still has under way is refused from then on.
 */
const PRESENT = `${NOW}
if redis.call('EXISTS', KEYS[3]) == 1 then return {'taken', now} end
local known = redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('EXISTS', KEYS[2]) == 1
if ARGV[2] == '0' and not known then return {'gone', now} end
redis.call('ZADD', KEYS[1], now, ARGV[1])
if ARGV[3] ~= '' then
  redis.call('XADD', KEYS[2], ARGV[3], 'n', '')
  redis.call('XDEL', KEYS[2], ARGV[3])
end
return {'ours', now}`

const OWNERS = `return redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')`

/** The content of one entry; nothing where it is longer than any of ours. */
const READ = `for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])) do
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'c' and #entry[2][at + 1] <= tonumber(ARGV[2]) then return entry[2][at + 1] end
  end
end
return false`

/**
 * Moves copies from the stream of an owner that has not reported since, if that is still so, into one's own. A
 * script runs alone: each copy is in one of them, and goes to one that asks.
 */
const TAKE = `${NOW}
local from, from_attempts, tombstone = KEYS[2], KEYS[3], KEYS[4]
local own, own_attempts, own_tombstone = KEYS[5], KEYS[6], KEYS[7]
if redis.call('EXISTS', own_tombstone) == 1 or redis.call('EXISTS', own) == 0 then
  return {'fenced', now, {}, 0}
end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'alive', now, {}, 0} end
redis.call('SET', tombstone, '1', 'EX', ARGV[7])
local id, left, room, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local moved, wrong, after = {}, 0, '-'
while wrong <= tonumber(ARGV[10]) do
  if left == 0 or room <= 0 then return {'more', now, moved, 0} end
  local found = redis.pcall('XRANGE', from, after, '+', 'COUNT', 1)
  if found.err then wrong = 1 break end
  if #found == 0 then break end
  local entry, fields = found[1][1], found[1][2]
  local has = {}
  if #fields == 6 then for at = 1, 6, 2 do has[fields[at]] = fields[at + 1] end end
  local name, content, moment = has.n, has.c, has.t
  if name and content and moment and #name <= 255 and #content <= longest and #moment <= 20 then
    local new = string.format('%d-0', id)
    redis.call('XADD', own, new, 'n', name, 'c', content, 't', moment)
    local attempts = redis.pcall('HGET', from_attempts, entry)
    if type(attempts) ~= 'string' or #attempts > 9 then attempts = '' end
    if attempts ~= '' then redis.pcall('HSET', own_attempts, new, attempts) end
    redis.call('XDEL', from, entry)
    moved[#moved + 1] = {new, name, content, moment, attempts}
    id, left, room = id + 1, left - 1, room - #content
  else wrong = wrong + 1 end
  after = '(' .. entry
end
if wrong > 0 then
  redis.call('RENAME', from, ARGV[8])
  redis.call('EXPIRE', ARGV[8], ARGV[9])
else redis.call('DEL', from) end
redis.call('DEL', from_attempts)
redis.call('ZREM', KEYS[1], ARGV[1])
return {'done', now, moved, wrong}`

/** An entry as it was moved or read, not looked into yet. */
export interface QueueEntry extends CopyRecord {
  readonly id: number
  /** Milliseconds since 1970 by Redis's clock, when it was first written; NaN: it says none. */
  readonly at: number
  readonly attempts: number
}

export interface Takeover {
  /** `more`: there are more; `alive`: the owner has reported, or others were faster; `fenced`: oneself is gone. */
  readonly kind: 'done' | 'more' | 'alive' | 'fenced'
  readonly now: number
  readonly entries: readonly QueueEntry[]
  /** Entries that are no copies, and were set aside. */
  readonly wrong: number
}

export interface Presence {
  /** `taken`: others have its copies; `gone`: Redis knows nothing of it. */
  readonly kind: 'ours' | 'taken' | 'gone'
  readonly now: number
}

/**
 * What is asked of Redis for the shared queue, and no more; 6.2 or later. Each owner, a process, has a stream with an
 * entry for each of its copies, numbered by it. Keys, behind `PREFIX:queue:`: `owners`, a sorted set of them by the
 * time of their last report; OWNER, the stream; OWNER:attempts, a hash of failed ones; OWNER:taken, that others have its
 * copies; `aside` and aside:OWNER, what is no copy.
 */
export class RedisQueue {
  constructor(
    private readonly send: SendOctets,
    private readonly prefix: string,
    readonly close: () => void,
  ) {}

  async present(owner: string, isNew: boolean, marker: number | undefined): Promise<Presence> {
    const keys = [this.key('owners'), this.key(owner), this.key(`${owner}:taken`)]
    const words = [owner, isNew ? '1' : '0', marker === undefined ? '' : idOf(marker)]
    const [kind, now] = replyList(await this.send(['EVAL', PRESENT, '3', ...keys, ...words]))
    const word = replyText(kind)
    if (word !== 'ours' && word !== 'taken' && word !== 'gone') throw new Error(NONSENSE)
    return { kind: word, now: Number(now) }
  }

  /** Rejects unless it is there. */
  async add(owner: string, id: number, { name, content }: CopyRecord, at: number): Promise<void> {
    const fields = ['n', name, 'c', content, 't', String(Math.round(at))]
    const words = ['XADD', this.key(owner), 'NOMKSTREAM', idOf(id), ...fields]
    const answer = await this.send(words)
    if (answer === null) throw new Error('it does not have the queue any more')
    if (replyText(answer) !== idOf(id)) throw new Error(NONSENSE)
  }

  /** All that was sent before is in so many replicas; milliseconds. */
  async reached(replicas: number, within: number): Promise<void> {
    const reached = Number(await this.send(['WAIT', String(replicas), String(within)]))
    if (!(reached >= replicas)) throw new Error(`${reached} of ${replicas} replicas have it`)
  }

  async end(owner: string, ids: readonly number[], hadAttempts = true): Promise<void> {
    for (let at = 0; at < ids.length; at += ENDED_AT_ONCE) {
      const some = ids.slice(at, at + ENDED_AT_ONCE).map(idOf)
      const attempts = hadAttempts && this.send(['HDEL', this.key(`${owner}:attempts`), ...some])
      await Promise.all([this.send(['XDEL', this.key(owner), ...some]), attempts])
    }
  }

  async noteAttempts(owner: string, id: number, attempts: number): Promise<void> {
    await this.send(['HSET', this.key(`${owner}:attempts`), idOf(id), String(attempts)])
  }

  async read(owner: string, id: number): Promise<Buffer> {
    const words = [this.key(owner), idOf(id), String(LONGEST_SHARED)]
    const content = await this.send(['EVAL', READ, '1', ...words])
    if (!Buffer.isBuffer(content)) throw new Error('Redis does not have it any more')
    return content
  }

  /** Of each its last report. */
  async owners(): Promise<Map<string, string>> {
    const words = [this.key('owners'), String(MOST_OWNERS)]
    const all = replyList(await this.send(['EVAL', OWNERS, '1', ...words])).map(replyText)
    const owners = new Map<string, string>()
    for (let at = 0; at + 1 < all.length; at += 2) {
      const [owner = '', report = ''] = all.slice(at, at + 2)
      if (owner.length <= LONGEST_OWNER) owners.set(owner, report)
    }
    return owners
  }

  /** Copies of `from`, which has not reported since `report`; they get the numbers from `first` on. */
  async take(from: string, report: string, own: string, first: number): Promise<Takeover> {
    const keys = [
      ...['owners', from, `${from}:attempts`, `${from}:taken`],
      ...[own, `${own}:attempts`, `${own}:taken`],
    ].map((name) => this.key(name))
    const limits = [first, TAKEN_AT_ONCE, TAKEN_OCTETS, LONGEST_SHARED, TOMBSTONE_KEPT].map(String)
    const aside = [this.key(`aside:${from}`), String(ASIDE_KEPT), String(MOST_WRONG)]
    const words = ['EVAL', TAKE, '7', ...keys, from, report, ...limits, ...aside]
    const [kind, now, moved, wrong] = replyList(await this.send(words))
    const word = replyText(kind)
    if (word !== 'done' && word !== 'more' && word !== 'alive' && word !== 'fenced') {
      throw new Error(NONSENSE)
    }
    const entries = replyList(moved).flatMap((each) => entryOf(replyList(each)))
    return { kind: word, now: Number(now), entries, wrong: Number(wrong) }
  }

  /** What a takeover moved of which no answer came. */
  async moved(own: string, first: number): Promise<Pick<Takeover, 'now' | 'entries'>> {
    const range = [idOf(first), idOf(first + TAKEN_AT_ONCE - 1)]
    const found = replyList(await this.send(['XRANGE', this.key(own), ...range]))
    const entries: QueueEntry[] = []
    for (const each of found) {
      const [id, fields] = replyList(each)
      const [, name, , content, , at] = replyList(fields)
      const attempts = await this.send(['HGET', this.key(`${own}:attempts`), replyText(id)])
      entries.push(...entryOf([id, name, content, at, attempts]))
    }
    const [seconds] = replyList(await this.send(['TIME']))
    return { now: Number(replyText(seconds)) * 1000, entries }
  }

  /** Kept for whoever wants to know what it was. */
  async setAside({ name, content }: CopyRecord): Promise<void> {
    const bound = ['MAXLEN', String(MOST_ASIDE), '*']
    await this.send(['XADD', this.key('aside'), ...bound, 'n', name, 'c', content])
  }

  private key(name: string): string {
    return `${this.prefix}:queue:${name}`
  }
}

const NONSENSE = 'its answer makes no sense'

function idOf(number: number): string {
  return `${number}-0`
}

function entryOf([id, name, content, at, attempts]: readonly unknown[]): QueueEntry[] {
  const number = Number.parseInt(replyText(id), 10)
  if (!Number.isSafeInteger(number) || !Buffer.isBuffer(content)) return []
  const failed = Number(replyText(attempts))
  return [
    {
      ...{ id: number, name: replyText(name), content, at: Number(replyText(at) || NaN) },
      attempts: Number.isSafeInteger(failed) && failed > 0 ? failed : 0,
    },
  ]
}

export function replyList(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? (reply as unknown[]) : []
}

export function replyText(reply: unknown): string {
  return typeof reply === 'string' || Buffer.isBuffer(reply) ? reply.toString() : ''
}

/** NaN: it is none. */
export function replyNumber(reply: unknown): number {
  return typeof reply === 'number' ? reply : Number(replyText(reply) || NaN)
}
