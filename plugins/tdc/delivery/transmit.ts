import { Unstuffer } from '../unstuffer'
import type { Capabilities } from './capabilities'
import type { ChunkingMemory } from './chunking-memory'
import { contentOf, takeFirst } from './content'
import type { Envelope } from './envelope'
import type { Loss } from './loss'
import type { Command, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import type { Step, Verb } from './step'
import { type Line, type Unsent, WHOLE_MESSAGE, type Wire } from './wire'

/** How one message ended on the wire. `begun`: the intake may have had all of it. */
export type Transmission =
  | { kind: 'accepted'; reply: Reply }
  | { kind: 'refused'; begun: boolean; command: Command; reply: Reply }
  | { kind: 'lost'; begun: boolean; failure: Loss }
  /** The intake offered BDAT and does not take it. */
  | { kind: 'no-chunking' }

export type Commands = Extract<Envelope, { kind: 'commands' }>

/** A way to put one message on the wire. */
export interface Transmit {
  /** Messages that may wait for their replies at a time. */
  readonly window: number
  /** Every message ends with RSET, so that none more is needed after one that was refused. */
  readonly resets: boolean
  readonly send: (wire: Wire, commands: Commands, message: Outgoing) => Promise<Transmission>
}

interface TransmitOptions {
  readonly chunking: ChunkingMemory
  readonly window: number
}

/** The best way that an intake offers: round trips are what a wide-area link costs. */
export function transmitFor(offered: Capabilities, options: TransmitOptions): Transmit {
  const { pipelining, chunking } = offered
  if (pipelining && chunking && !options.chunking.avoided) return chunked(options.window)
  return pipelining ? pipelined : sequential
}

const DATA: Line<'DATA'> = ['DATA', 'DATA']
const RSET: Line<'RSET'> = ['RSET', 'RSET']

/** Each command waits for the reply to the one before (RFC 5321): four round trips. */
const sequential: Transmit = {
  window: 1,
  resets: false,
  async send(wire, commands, message) {
    for (const line of [...envelope(commands), DATA]) {
      const refused = refusedBy(await Promise.all(wire.group([line])))
      if (refused) return refused
    }
    return endedBy(await wire.data(await contentOf(message), message.size))
  },
}

/** The commands together, the message when it is asked for (RFC 2920): two round trips. */
const pipelined: Transmit = {
  window: 1,
  resets: false,
  async send(wire, commands, message) {
    const steps = await Promise.all(wire.group([...envelope(commands), DATA]))
    const refused = refusedBy(steps)
    if (!refused) return endedBy(await wire.data(await contentOf(message), message.size))
    // RFC 2920 section 3.1: asked for a message that has no recipient, the client sends none.
    if (steps.at(-1)?.kind === 'passed') await wire.data(Buffer.alloc(0), 0)
    return refused
  },
}

/**
 * Commands and message together (RFC 3030), and the next message without waiting for the reply: one
 * round trip for a whole window. Each message ends with RSET (RFC 3030 section 2), for two reasons.
 * One that is refused may leave a transaction open, and when the next one is written nothing is
 * known of that. And the reply to RSET is known beforehand: what comes in its place shows that the
 * replies are shifted, and then the message before it has none that is sure.
 *
 * An intake that says one reply too many and never refuses is not found out before its last reply,
 * but then nothing was lost. What stays hidden: two replies too many and then a refusal, or one too
 * many and then a close or a 421 behind the refusal, from an intake that gives no enhanced status.
 *
 * The octets of a chunk stand right behind its line, so an intake that offers BDAT and does not know it
 * would take them for commands. Each connection is first given a chunk that can be none, and the rest
 * when that was taken. What another connection saw proves nothing: a name may stand for many hosts.
 */
function chunked(window: number): Transmit {
  let proven = false
  return {
    window,
    resets: true,
    async send(wire, commands, message) {
      const { before, behind } = await wire.inTurn(async () => {
        // Not before its turn: a window of copies need neither be open nor in memory.
        const whole = { content: await contentOf(message), unstuffer: new Unstuffer() }
        const unsent = { ...whole, size: message.size, begun: 0 }
        if (proven) return inOneGo(wire, envelope(commands), unsent)
        const sent = await cautiously(wire, envelope(commands), unsent)
        proven = sent.proven
        return sent
      })
      return chunkEndedBy(await Promise.all(before), await Promise.all(behind))
    },
  }
}

/** The steps of one message: those before its last chunk; that one, unless it was not wanted, and RSET. */
interface Sent {
  readonly before: readonly Awaitable<Step<Verb>>[]
  readonly behind: readonly Awaitable<Step<Verb>>[]
}

type Awaitable<T> = T | Promise<T>

/** Octets that cannot be a command, whatever they are: none is so short. */
const FIRST_CHUNK = 2

/** With a first chunk of its own. RFC 3030 allows for an empty one, but Postfix refuses that. */
async function cautiously(
  wire: Wire,
  lines: readonly Line[],
  unsent: Unsent,
): Promise<Sent & { proven: boolean }> {
  const { first, rest } = await takeFirst(unsent.content, FIRST_CHUNK)
  // An empty message, or one that cannot be read.
  if (first.length === 0) return { ...(await inOneGo(wire, lines, unsent)), proven: false }
  const octets = unsent.unstuffer.push(first)
  const chunk = { command: 'CHUNK', octets } as const
  const before = await Promise.all(await wire.chunk(lines, chunk, []))
  if (refusedBy(before)) {
    if (!Buffer.isBuffer(rest)) rest.destroy()
    // It may be waiting for the end of a line that begins with the two octets.
    const behind = refusesChunks(before) ? [] : wire.group([RSET])
    return { before, behind, proven: false }
  }
  const sent = await inOneGo(wire, [], { ...unsent, begun: octets.length, content: rest })
  return { before: [...before, ...sent.before], behind: sent.behind, proven: true }
}

async function inOneGo(wire: Wire, lines: readonly Line[], unsent: Unsent): Promise<Sent> {
  const { content, unstuffer } = unsent
  const isLong = !Buffer.isBuffer(content) || content.length > WHOLE_MESSAGE
  // Where the connection has gone meanwhile, the message was never begun.
  if (isLong || wire.isLost) return inPieces(wire, lines, unsent)
  const chunk = { command: 'BODY', octets: unstuffer.push(content) } as const
  const steps = await wire.chunk(lines, chunk, [RSET])
  return { before: steps.slice(0, lines.length), behind: steps.slice(lines.length) }
}

/** Too long to be sent for nothing: first it is asked whether it is wanted. */
async function inPieces(wire: Wire, lines: readonly Line[], unsent: Unsent): Promise<Sent> {
  const before = await Promise.all(wire.group(lines))
  if (!refusedBy(before)) {
    const body = await wire.chunkInPieces(unsent)
    return { before, behind: [body, ...wire.group([RSET])] }
  }
  if (!Buffer.isBuffer(unsent.content)) unsent.content.destroy()
  return { before, behind: wire.group([RSET]) }
}

function envelope({ mail, rcpt }: Commands): Line<'MAIL' | 'RCPT'>[] {
  return [
    ['MAIL', mail],
    ['RCPT', rcpt],
  ]
}

/** The first step that failed, of commands before the message and its first chunk. */
function refusedBy(steps: readonly Step<Verb>[]): Transmission | undefined {
  const failed = steps.find(({ kind }) => kind !== 'passed')
  if (!failed || failed.kind === 'passed') return undefined
  if (failed.kind === 'lost') return { kind: 'lost', begun: false, failure: failed.failure }
  const command = failed.command === 'CHUNK' ? 'BODY' : (failed.command as Command)
  return { kind: 'refused', begun: false, command, reply: failed.reply }
}

function endedBy(step: Step): Transmission {
  switch (step.kind) {
    case 'passed':
      return { kind: 'accepted', reply: step.reply }
    case 'refused':
      return { kind: 'refused', begun: true, command: step.command, reply: step.reply }
    case 'lost':
      return { kind: 'lost', begun: true, failure: step.failure }
  }
}

/** "Syntax error", "not implemented": replies to a command that is not known (RFC 5321 4.2.2). */
const UNKNOWN_COMMAND: readonly number[] = [500, 502]

/**
 * The intake offers BDAT and does not take it. A 5xx to two octets says nothing of the message; behind a
 * refused command it may be about that.
 */
function refusesChunks(before: readonly Step<Verb>[]): boolean {
  const failed = before.filter(({ kind }) => kind !== 'passed')
  const last = failed.at(-1)
  if (last?.kind !== 'refused' || last.command !== 'CHUNK') return false
  return (
    UNKNOWN_COMMAND.includes(last.reply.code) || (failed.length === 1 && last.reply.code >= 500)
  )
}

/** How a message ended whose steps, as in `Sent`, are these. */
function chunkEndedBy(before: readonly Step<Verb>[], behind: readonly Step<Verb>[]): Transmission {
  if (refusesChunks(before)) return { kind: 'no-chunking' }
  const refused = refusedBy(before)
  const [body] = behind.slice(0, -1) as Step[]
  const reset = behind.at(-1) as Step<Verb>
  if (isOutOfStep(reset)) return { kind: 'lost', begun: true, failure: reset.failure }
  if (refused === undefined) return endedBy(body as Step)
  // Where all of it was written, nobody knows what the intake has when the connection is gone.
  return refused.kind === 'lost' ? { ...refused, begun: body !== undefined } : refused
}

/** Where the connection only ended, what was said before still holds. */
function isOutOfStep(step: Step<Verb>): step is Extract<Step<Verb>, { kind: 'lost' }> {
  if (step.kind !== 'lost') return false
  return step.failure.kind === 'network' && step.failure.details === 'protocol'
}
