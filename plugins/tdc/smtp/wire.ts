import type { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Unstuffer } from '../base/unstuffer'
import { writeContent } from './content'
import type { Conversation } from './conversation'
import { GIVEN_UP, protocolLoss } from './loss'
import type { Reply } from './outcome'
import type { Timeouts } from './options'
import type { Judged, Verb } from './heard'
import type { SecureSocket } from './tls'

/** Messages up to this go out in one write; longer ones piece by piece. */
const WHOLE_MESSAGE = 256 * 1024

export function isWhole(content: Buffer | Readable): content is Buffer {
  return Buffer.isBuffer(content) && content.length <= WHOLE_MESSAGE
}

/** A command and its line, and the octets right behind that. */
export type Line<V extends Verb = Verb> = readonly [command: V, line: string, content?: Buffer]

/** BDAT with its octets (RFC 3030 section 2); CHUNK is one before the last. */
export function bdat<V extends 'CHUNK' | 'BODY'>(command: V, octets: Buffer): Line<V> {
  return [command, bdatLine(octets.length, command), octets]
}

/** What is still to be sent of a message, after the `begun` octets of a first chunk. */
export interface Unsent {
  readonly size: number
  readonly begun: number
  readonly content: Buffer | Readable
  readonly unstuffer: Unstuffer
}

/** How a message is written piece by piece. */
interface Pieces {
  readonly begin?: Buffer
  readonly end?: Buffer
  /** What is written in place of a piece. */
  readonly change: (piece: Buffer) => Buffer
  /** What is wrong with the length of what was written; undefined: nothing. */
  readonly missing: () => string | undefined
  /** Of a chunk the intake knows where it ends. */
  readonly lengthIsSaid?: true
}

/**
 * Milliseconds that a reply is waited for which perhaps never comes, where the copy has nothing better to
 * wait for.
 */
export const UNHEARD_AFTER = 5_000

export type Awaitable<T> = T | Promise<T>

/** RFC 5321 section 4.2.2: an error in processing, no storage, too much storage. */
const NOT_STORED: readonly number[] = [451, 452, 552]

/**
 * Behind a chunk that it could not store Exim (4.96) says 250 to messages of which it keeps the header
 * alone. It gives no enhanced status; those that do are believed.
 */
const spoilsChunks = ({ code, enhanced }: Reply): boolean =>
  enhanced === undefined && NOT_STORED.includes(code)

const TOO_EARLY = 'the reply came before the end of the message'

const FINAL_DOT = Buffer.from('.\r\n')

/** What a strategy of sending (transmit.ts) may do with the connection, each under its timer. */
export class Wire {
  /** Messages are written one after the other, however many wait for their replies. */
  private turn: Promise<void> = Promise.resolve()
  /** Messages that are being written, or wait for that. */
  private writing = 0

  constructor(
    private readonly socket: SecureSocket,
    private readonly conversation: Conversation<string>,
    private readonly timeouts: Timeouts,
  ) {}

  get isLost(): boolean {
    return this.conversation.lost !== undefined
  }

  /** Some command or message has no reply yet. */
  get isAwaiting(): boolean {
    return this.conversation.isAwaiting
  }

  /**
   * Whether another message is on its way or waits for its turn. Messages that ended together are
   * followed by others together, so who seems to be alone looks again in the next turn of the loop.
   */
  async hasCompany(): Promise<boolean> {
    const hasCompany = (): boolean => this.writing > 1 || this.conversation.isAwaiting
    if (!hasCompany()) await nextTurn()
    return hasCompany()
  }

  /** No reply to a message could be taken for one to `behind`, which stands behind it. */
  knowsMessageFrom(behind: Verb): boolean {
    return this.conversation.tellsApart('BODY', behind)
  }

  /**
   * The replies to a message and to RSET behind it. Where the first one may be RSET's and no other comes, the
   * message has none; a long wait would not bring it.
   */
  async answered(
    message: Awaitable<Judged<Verb>>,
    reset: Awaitable<Judged<Verb>>,
  ): Promise<[message: Judged<Verb>, reset: Judged<Verb>]> {
    const first = await message
    const isDoubtful = first.kind === 'passed' && this.conversation.isAsTo('RSET', first.reply)
    if (isDoubtful) this.conversation.patience(UNHEARD_AFTER)
    const second = await reset
    return [isDoubtful && second.kind === 'lost' ? second : first, second]
  }

  /** Runs when what was begun before has been written. */
  async inTurn<T>(write: () => Promise<T>): Promise<T> {
    this.writing++
    const before = this.turn
    let done = (): void => {}
    this.turn = new Promise((resolve) => (done = resolve))
    await before
    try {
      return await write()
    } finally {
      this.writing--
      done()
    }
  }

  /** Commands in one write; the replies in their order, each waited for by `patience` at the most. */
  group<V extends Verb>(lines: readonly Line<V>[], patience = Infinity): Promise<Judged<V>>[] {
    const commands = lines.map((line) => this.timed(line))
    return this.conversation.group(
      commands.map((command) => ({ ...command, ms: Math.min(command.ms, patience) })),
    )
  }

  /**
   * Commands, the last BDAT of a message among them, in one write. Resolves when the system has taken
   * all of it: what is written before that goes out together with what stands behind it, and would
   * be known to be taken only when all of that was.
   */
  async whole(lines: readonly Line[]): Promise<Promise<Judged<Verb>>[]> {
    let isWritten = false
    let onWritten = (): void => {}
    const written = new Promise<void>((resolve) => (onWritten = resolve))
    const commands = lines.map((line) => this.timed(line))
    const steps = this.conversation.group<Verb>(commands, () => {
      isWritten = true
      onWritten()
    })
    // Without its connection nothing is written any more, but every reply is there.
    await Promise.race([written, steps.at(-1)])
    const isDone = (): boolean => isWritten
    return steps.map((step, at) =>
      lines[at]?.[0] === 'BODY' ? this.unlessEarly(step, isDone) : step,
    )
  }

  /** BDAT with what is left of a message of `size` octets, in pieces: exactly what the line says. */
  chunkInPieces(unsent: Unsent): Promise<Judged> {
    const { size, begun } = unsent
    const { change, missing } = counted(unsent)
    const begin = Buffer.from(`${bdatLine(size - begun, 'BODY')}\r\n`)
    return this.pieces(unsent.content, { begin, change, missing, lengthIsSaid: true })
  }

  /** DATA's content of `size` octets, the final dot and the reply, which may come at any moment. */
  async data(content: Buffer | Readable, size: number): Promise<Judged> {
    if (!isWhole(content)) {
      const { change, missing } = counted({ size, begun: 0, unstuffer: new Unstuffer() })
      const count = (piece: Buffer): Buffer => (change(piece), piece)
      return this.pieces(content, { change: count, missing, end: FINAL_DOT })
    }
    // A reply is there already, before the message: nothing is to be written any more.
    const early = this.conversation.pending
    if (early) return this.cutOff(await this.conversation.read('BODY', this.timeouts.final))
    // In one piece with the commands of a message that waits for its turn.
    if (this.writing > 1 && !this.isLost) this.cork()
    return this.conversation.finish(Buffer.concat([content, FINAL_DOT]), this.timeouts.final)
  }

  /** Nobody can have accepted a message of which something is still here: that reply is another's. */
  private async unlessEarly<V extends Verb>(
    reply: Promise<Judged<V>>,
    isWritten: () => boolean,
  ): Promise<Judged<V>> {
    const step = await reply
    if (step.kind !== 'passed' || isWritten()) return step
    // A socket with TLS tells only in the next turns of the event loop that all was taken.
    for (let turn = 0; turn < 2; turn++) await nextTurn()
    if (isWritten()) return step
    const failure = protocolLoss(TOO_EARLY)
    this.conversation.end(failure)
    return { kind: 'lost', failure }
  }

  private cork(): void {
    this.socket.cork()
    setImmediate(() => this.socket.uncork())
  }

  private timed<V extends Verb>([command, line, content]: Line<V>) {
    const ms = command === 'BODY' ? this.timeouts.final : this.timeouts.command
    const spoils = content && command === 'BODY' ? { spoils: spoilsChunks } : {}
    return { command, line, ...(content && { content }), ms, ...spoils }
  }

  private async pieces(content: Buffer | Readable, pieces: Pieces): Promise<Judged> {
    const { conversation, socket } = this
    const { data, final } = this.timeouts
    const over = new AbortController()
    const reply = conversation.read('BODY', data, pieces.lengthIsSaid && spoilsChunks)
    const end = () => over.abort()
    reply.then(end, end)
    if (pieces.begin && !conversation.lost) socket.write(pieces.begin)
    const progress = (): void => conversation.patience(data)
    const written = await writeContent(socket, content, progress, over.signal, pieces.change)
    switch (written.kind) {
      case 'written': {
        const reason = pieces.missing()
        if (reason !== undefined) {
          conversation.end({ kind: 'network', details: 'error', reason })
          return this.cutOff(await reply)
        }
        conversation.patience(final)
        if (pieces.end) socket.write(pieces.end)
        return reply
      }
      case 'unreadable':
        conversation.end(written.loss)
        return this.cutOff(await reply)
      case 'over':
        // Where it knows the end, its reply may come before we see the file's end.
        if (pieces.lengthIsSaid && pieces.missing() === undefined) return reply
        return this.cutOff(await reply)
    }
  }

  /** Only closing tells the server that a message is cut off: an end would complete it. */
  private cutOff(step: Judged): Judged {
    if (step.kind !== 'passed') {
      this.conversation.end(GIVEN_UP)
      return step
    }
    const failure = protocolLoss(TOO_EARLY)
    this.conversation.end(failure)
    return { kind: 'lost', failure }
  }
}

/** A file that became shorter, or longer, while it waited is not the copy: it is found out before its end. */
function counted({ size, begun, unstuffer }: Omit<Unsent, 'content'>) {
  let sent = begun
  return {
    change(piece: Buffer): Buffer {
      const octets = unstuffer.push(piece)
      sent += octets.length
      return octets
    },
    missing: () => (sent === size ? undefined : `the copy has ${sent} octets, not ${size}`),
  }
}

function bdatLine(octets: number, command: 'CHUNK' | 'BODY'): string {
  return command === 'BODY' ? `BDAT ${octets} LAST` : `BDAT ${octets}`
}
