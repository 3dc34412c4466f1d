import type { Capabilities } from './capabilities'
import { chunked } from './chunked'
import { contentOf } from './content'
import { TIMED_OUT } from './loss'
import type { Judged } from './heard'
import {
  endedBy,
  envelope,
  refusedBy,
  RSET,
  type Transmission,
  type Transmit,
} from './transmission'
import type { WindowMemory } from './window-memory'
import { isWhole, type Line, UNHEARD_AFTER } from './wire'

interface TransmitOptions {
  readonly windows: WindowMemory
  readonly window: number
  /** A round trip takes long enough to be saved. */
  readonly isFar: boolean
}

/** The best way that an intake offers: round trips are what a wide-area link costs. */
export function transmitFor(offered: Capabilities, options: TransmitOptions): Transmit {
  const { pipelining, chunking } = offered
  if (!pipelining) return sequential
  if (options.windows.avoided) return pipelined(1)
  if (chunking) return chunked(options.window)
  return options.isFar && options.window > 1 ? pipelinedFar(options.windows) : pipelined(1)
}

/**
 * One connection at first, and the others when that was heard. None where a reply to a message could be one to
 * the MAIL behind it, for that is waited for.
 */
function pipelinedFar(memory: WindowMemory): Transmit {
  let saysTheSame = false
  const { send, ...way } = pipelined(BEHIND_DATA, memory)
  const far: Transmit = {
    ...way,
    get window() {
      return !saysTheSame && memory.mayStandBehind(far) ? BEHIND_DATA : 1
    },
    async send(wire, ...message) {
      const ended = await send(wire, ...message)
      if (ended.kind === 'accepted') saysTheSame = !wire.knowsMessageFrom('MAIL')
      return ended
    },
    ended: () => memory.ended(far),
  }
  return far
}

/** One message has been written, and the commands of the next one: its DATA must be answered first. */
const BEHIND_DATA = 2

const DATA: Line<'DATA'> = ['DATA', 'DATA']

/** Each command waits for the reply to the one before (RFC 5321): four round trips. */
const sequential: Transmit = {
  window: 1,
  resets: false,
  inChunks: false,
  async send(wire, commands, message) {
    for (const line of [...envelope(commands), DATA]) {
      const refused = refusedBy(await Promise.all(wire.group([line])))
      if (refused) return refused
    }
    return endedBy(await wire.data(await contentOf(message), message.size))
  },
}

/**
 * The commands together, the message when it is asked for (RFC 2920): two round trips. With a window,
 * the commands of the next message stand behind the final dot, where section 3.1 allows them: one.
 */
function pipelined(window: number, memory?: WindowMemory): Transmit {
  let before: Promise<Judged> | undefined
  return {
    window,
    resets: true,
    inChunks: false,
    async send(wire, commands, message) {
      const { behind, steps, reply } = await wire.inTurn(async () => {
        const behind = wire.isAwaiting ? before : undefined
        // Courier does not hear commands behind a message.
        const patience = behind && !memory?.hearsBehind ? UNHEARD_AFTER : Infinity
        const steps = await Promise.all(wire.group([...envelope(commands), DATA], patience))
        if (refusedBy(steps)) {
          // RFC 2920 section 3.1: asked for a message that has no recipient, the client sends none.
          if (steps.at(-1)?.kind === 'passed') await wire.data(Buffer.alloc(0), 0)
          // In its turn, and with a reply of its own: another message may stand behind it.
          else await Promise.all(wire.group([RSET]))
          return { behind, steps, reply: undefined }
        }
        const content = await contentOf(message)
        before = wire.data(content, message.size)
        if (!isWhole(content) || !wire.knowsMessageFrom('MAIL')) await before
        return { behind, steps, reply: before }
      })
      const refused = refusedBy(steps)
      if (refused && (await behind)?.kind === 'passed' && isUnheard(refused)) return UNHEARD
      if (!refused && behind) memory?.heardBehind()
      return refused ?? endedBy((await reply) as Judged)
    },
  }
}

const UNHEARD: Transmission = {
  kind: 'unfit',
  why: 'what stood behind a message was not heard',
}

/** No reply came to commands behind a message, or one to some of them alone. */
function isUnheard(ended: Transmission): boolean {
  if (ended.kind === 'refused') return ended.reply.code === BAD_SEQUENCE
  return ended.kind === 'lost' && ended.failure === TIMED_OUT
}

/** "Bad sequence of commands" (RFC 5321 section 4.2.2). */
const BAD_SEQUENCE = 503
