import type { Readable } from 'node:stream'
import { Unstuffer } from '../unstuffer'
import type { Capabilities } from './capabilities'
import type { ChunkingMemory } from './chunking-memory'
import { contentOf } from './content'
import type { Envelope } from './envelope'
import type { Loss } from './loss'
import type { Command, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import type { Step, Verb } from './step'
import { type Line, WHOLE_MESSAGE, type Wire } from './wire'

/** How one message ended on the wire. `begun`: the intake may have had all of it. */
export type Transmission =
  | { kind: 'accepted'; reply: Reply }
  | { kind: 'refused'; begun: boolean; command: Command; reply: Reply }
  | { kind: 'lost'; begun: boolean; failure: Loss }
  /** The intake offered BDAT and does not know it. */
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
    return endedBy(await wire.data(await contentOf(message)))
  },
}

/** The commands together, the message when it is asked for (RFC 2920): two round trips. */
const pipelined: Transmit = {
  window: 1,
  resets: false,
  async send(wire, commands, message) {
    const steps = await Promise.all(wire.group([...envelope(commands), DATA]))
    const refused = refusedBy(steps)
    if (!refused) return endedBy(await wire.data(await contentOf(message)))
    // RFC 2920 section 3.1: asked for a message that has no recipient, the client sends none.
    if (steps.at(-1)?.kind === 'passed') await wire.data(Buffer.alloc(0))
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
 */
function chunked(window: number): Transmit {
  return {
    window,
    resets: true,
    async send(wire, commands, message) {
      const lines = envelope(commands)
      const steps = await wire.inTurn(async () => {
        // Not before its turn: a window of copies need neither be open nor in memory.
        const content = await contentOf(message)
        return !Buffer.isBuffer(content) || content.length > WHOLE_MESSAGE
          ? inPieces(wire, lines, message, content)
          : wire.chunk<Verb>(lines, new Unstuffer().push(content), [RSET])
      })
      return chunkEndedBy(await Promise.all(steps), lines.length)
    },
  }
}

/** Too long to be sent for nothing: first it is asked whether it is wanted. */
async function inPieces(
  wire: Wire,
  lines: readonly Line<'MAIL' | 'RCPT'>[],
  message: Outgoing,
  content: Buffer | Readable,
): Promise<Promise<Step<Verb>>[]> {
  const commands = wire.group(lines)
  const refused = refusedBy(await Promise.all(commands))
  const body = refused ? [] : [Promise.resolve(await wire.chunkInPieces(message, content))]
  if (refused && !Buffer.isBuffer(content)) content.destroy()
  return [...commands, ...body, ...wire.group([RSET])]
}

function envelope({ mail, rcpt }: Commands): Line<'MAIL' | 'RCPT'>[] {
  return [
    ['MAIL', mail],
    ['RCPT', rcpt],
  ]
}

/** The first step that failed, of commands before the message. */
function refusedBy(steps: readonly Step[]): Transmission | undefined {
  const failed = steps.find(({ kind }) => kind !== 'passed')
  if (!failed || failed.kind === 'passed') return undefined
  if (failed.kind === 'lost') return { kind: 'lost', begun: false, failure: failed.failure }
  return { kind: 'refused', begun: false, command: failed.command, reply: failed.reply }
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

/** The steps of one message: its `commands`, BODY unless it was not wanted, and RSET. */
function chunkEndedBy(steps: readonly Step<Verb>[], commands: number): Transmission {
  const refused = refusedBy(steps.slice(0, commands) as Step[])
  const [body] = steps.slice(commands, -1) as Step[]
  const reset = steps.at(-1) as Step<Verb>
  // Before the reply to RSET: an intake that does not know BDAT may read its octets as commands.
  if (body?.kind === 'refused' && UNKNOWN_COMMAND.includes(body.reply.code)) {
    return { kind: 'no-chunking' }
  }
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
