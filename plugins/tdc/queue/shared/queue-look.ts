import { parseHead } from '../queue-file'
import {
  replyList,
  LONGEST_OWNER,
  MOST_OWNERS,
  replyNumber,
  replyText,
  type SendOctets,
} from './redis-queue'

/** A process that has copies in Redis. */
export interface SharedProcess {
  readonly owner: string
  readonly machine: string
  readonly pid: number
  /** Its last report, milliseconds since 1970 by Redis's clock. */
  readonly at: number
  readonly copies: number
}

/** A copy as Redis has it, without its message. */
export interface FoundCopy {
  readonly mid: string
  readonly intake: string
  /** When it was first written, milliseconds since 1970 by Redis's clock; NaN: it does not say. */
  readonly at: number
  readonly attempts: number
  /** Octets of the message. */
  readonly size: number
}

export interface FoundPage {
  readonly copies: readonly FoundCopy[]
  /** Behind which the next page begins; '': there is none. */
  readonly after: string
  /** Entries that were looked at. */
  readonly entries: number
}

/** Octets of an entry's content that are read: heads of ours have about a thousand. */
const HEAD = 8 * 1024
/** Of one page: other clients wait so long. */
const PAGE_ENTRIES = 500
const PAGE_OCTETS = 4 * 1024 * 1024

/** Nothing, for a key of another kind; what may not be asked is no empty queue. */
const ASKED = `local function asked(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then return nil end
  error(reply.err)
end`

const PROCESSES = `${ASKED}
local time = redis.call('TIME')
local found = asked('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES') or {}
local all = {time[1] * 1000 + math.floor(time[2] / 1000)}
for at = 1, #found, 2 do
  if #found[at] <= tonumber(ARGV[2]) then
    local count = asked('XLEN', KEYS[2] .. found[at]) or 0
    for _, each in ipairs({found[at], found[at + 1], count}) do all[#all + 1] = each end
  end
end
return all`

/** Heads, and of all entries where only what is in them as a text is wanted. */
const PAGE = `${ASKED}
local after, most, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local copies, entries = {}, 0
while entries < most and room > 0 do
  local found = asked('XRANGE', KEYS[1], after, '+', 'COUNT', 1)
  if not found or #found == 0 then return {'', entries, copies} end
  local entry, fields = found[1][1], found[1][2]
  local has = {}
  if #fields == 6 then for at = 1, 6, 2 do has[fields[at]] = fields[at + 1] end end
  entries, after = entries + 1, '(' .. entry
  if has.c and has.t and #has.t <= 20 then
    room = room - #has.c
    local head = string.sub(has.c, 1, tonumber(ARGV[4]))
    if ARGV[5] == '' or string.find(head, ARGV[5], 1, true) then
      local attempts = asked('HGET', KEYS[2], entry)
      if type(attempts) ~= 'string' or #attempts > 9 then attempts = '' end
      copies[#copies + 1] = {head, #has.c, has.t, attempts}
    end
  end
end
return {after, entries, copies}`

/** What stands in the shared queue, without the messages; nothing is changed. Every method rejects when Redis does not answer. */
export class QueueLook {
  constructor(
    private readonly send: SendOctets,
    private readonly prefix: string,
  ) {}

  /** Redis's time, and whoever has or had copies. */
  async processes(): Promise<{ readonly now: number; readonly processes: SharedProcess[] }> {
    const keys = [`${this.prefix}:queue:owners`, `${this.prefix}:queue:`]
    const limits = [MOST_OWNERS, LONGEST_OWNER].map(String)
    const [now, ...all] = replyList(await this.send(['EVAL', PROCESSES, '2', ...keys, ...limits]))
    const processes: SharedProcess[] = []
    for (let at = 0; at + 2 < all.length; at += 3) {
      const [owner, report, copies] = all.slice(at, at + 3)
      processes.push({
        ...namesIn(replyText(owner)),
        at: replyNumber(report),
        copies: replyNumber(copies),
      })
    }
    return { now: replyNumber(now), processes }
  }

  /** Some copies of one, those that came to it first; `wanted`: only those in whose head that stands. */
  async page(owner: string, after = '-', most = PAGE_ENTRIES, wanted = ''): Promise<FoundPage> {
    const keys = [`${this.prefix}:queue:${owner}`, `${this.prefix}:queue:${owner}:attempts`]
    const limits = [Math.min(most, PAGE_ENTRIES), PAGE_OCTETS, HEAD].map(String)
    const words = ['EVAL', PAGE, '2', ...keys, after, ...limits, wanted]
    const [next, entries, copies] = replyList(await this.send(words))
    return {
      after: replyText(next),
      entries: replyNumber(entries),
      copies: replyList(copies).flatMap((each) => copyOf(replyList(each))),
    }
  }
}

/** As owners are named (owner.ts); of another name nothing is known. */
function namesIn(owner: string): Pick<SharedProcess, 'owner' | 'machine' | 'pid'> {
  const [, machine = owner, pid = '0'] = /^(.+)\.(\d{1,10})\.[0-9a-f]+$/.exec(owner) ?? []
  return { owner, machine, pid: Number(pid) }
}

function copyOf([head, octets, at, attempts]: readonly unknown[]): FoundCopy[] {
  if (!Buffer.isBuffer(head)) return []
  const parsed = parseHead(replyNumber(octets), head)
  if (typeof parsed === 'string') return []
  const { mid, notes } = parsed
  const failed = replyNumber(attempts)
  return [
    {
      ...{ mid, intake: notes.intake, size: notes.size, at: replyNumber(at) },
      attempts: Number.isSafeInteger(failed) && failed > 0 ? failed : 0,
    },
  ]
}
