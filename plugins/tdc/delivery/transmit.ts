import type { Readable } from 'node:stream'
import type { Capabilities } from './capabilities'
import { contentOf } from './content'
import type { Envelope } from './envelope'
import type { Loss } from './loss'
import type { Command, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import type { Step, Verb } from './step'
import { Unstuffer } from './unstuffer'
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
  /** Every message begins with RSET, so that none is needed after one that was refused. */
  readonly resets: boolean
  readonly send: (wire: Wire, commands: Commands, message: Outgoing) => Promise<Transmission>
}

/** Messages on their way at a time, over a connection with CHUNKING; see docs/performance.md. */
export const PIPELINE_WINDOW = 8

/** What the connections to one intake learn of each other. */
export interface ChunkingMemory {
  /** It offered BDAT and did not know it: DATA from now on. */
  avoided: boolean
}

/** The best way that an intake offers: round trips are what a wide-area link costs. */
export function transmitFor(offered: Capabilities, avoidsChunking: boolean): Transmit {
  const { pipelining, chunking } = offered
  if (pipelining && chunking && !avoidsChunking) return chunked
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
 * round trip for a whole window. A message that is refused may leave a transaction open, and when
 * the next one is written nothing is known of that; so each begins with RSET (RFC 3030 section 2).
 */
const chunked: Transmit = {
  window: PIPELINE_WINDOW,
  resets: true,
  async send(wire, commands, message) {
    const lines = [RSET, ...envelope(commands)]
    const content = await contentOf(message)
    const written = await wire.inTurn(async () => {
      if (!Buffer.isBuffer(content) || content.length > WHOLE_MESSAGE) {
        return { transmission: await inPieces(wire, lines, message, content) }
      }
      return { steps: await wire.chunk(lines, new Unstuffer().push(content)) }
    })
    return written.transmission ?? chunkEndedBy(await Promise.all(written.steps))
  },
}

/** Too long to be sent for nothing: first it is asked whether it is wanted. */
async function inPieces(
  wire: Wire,
  lines: readonly Line[],
  message: Outgoing,
  content: Buffer | Readable,
): Promise<Transmission> {
  const refused = refusedBy(await Promise.all(wire.group(lines)))
  if (!refused) return chunkEndedBy([await wire.chunkInPieces(message, content)])
  if (!Buffer.isBuffer(content)) content.destroy()
  return refused
}

function envelope({ mail, rcpt }: Commands): Line<'MAIL' | 'RCPT'>[] {
  return [
    ['MAIL', mail],
    ['RCPT', rcpt],
  ]
}

/** The first step that failed, of commands before the message. */
function refusedBy(steps: readonly Step<Verb>[]): Transmission | undefined {
  const failed = steps.find(({ kind }) => kind !== 'passed')
  if (!failed || failed.kind === 'passed') return undefined
  if (failed.kind === 'lost') return { kind: 'lost', begun: false, failure: failed.failure }
  // A refused RSET says what a refused MAIL would: no message now.
  const command = failed.command === 'RSET' ? 'MAIL' : failed.command
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

function chunkEndedBy(steps: readonly Step<Verb>[]): Transmission {
  const refused = refusedBy(steps.slice(0, -1))
  const last = steps.at(-1) as Step
  if (last.kind === 'refused' && UNKNOWN_COMMAND.includes(last.reply.code)) {
    return { kind: 'no-chunking' }
  }
  // All of it was written: with the connection gone nobody knows what the intake has.
  if (refused?.kind === 'lost') return { ...refused, begun: true }
  return refused ?? endedBy(last)
}
