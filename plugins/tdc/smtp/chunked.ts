import { Unstuffer } from '../base/unstuffer'
import { contentOf, takeFirst } from './content'
import { CLOSING, type Judged, type Verb } from './heard'
import {
  endedBy,
  envelope,
  refusedBy,
  RSET,
  type Transmission,
  type Transmit,
} from './transmission'
import { type Awaitable, bdat, isWhole, type Line, type Unsent, type Wire } from './wire'

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
 * The octets of a chunk stand right behind its line, so an intake that does not know the BDAT that it
 * offers, or reads no chunk that it refuses, would take them for commands. On each connection it is
 * first seen to do both, with chunks that can be no command. What another connection saw proves
 * nothing: a name may stand for many hosts.
 *
 * A reply may also be missing, and then RSET's stands for the message's. So a window is for an intake whose
 * replies to both have other words, as those of Exim, Postfix and all others seen do: the first message of a
 * connection shows that, and goes alone.
 *
 * A message without others around it asks first, as with DATA. Postfix reads 4,096 octets at a time
 * and writes its replies before it reads on, without TCP_NODELAY: its reply to BDAT would wait until
 * those to MAIL and RCPT are acknowledged, which the client's system delays for 40 ms while there is
 * nothing to send. A window has something to send.
 */
export function chunked(window: number): Transmit {
  const proof: Proof = { readsRefused: false, takesChunks: false, saysTheSame: false }
  return {
    get window() {
      return proof.saysTheSame ? 1 : window
    },
    resets: true,
    inChunks: true,
    async send(wire, commands, message) {
      const { before, behind } = await wire.inTurn(async () => {
        // Not before its turn: a window of copies need neither be open nor in memory.
        const whole = { content: await contentOf(message), unstuffer: new Unstuffer() }
        const unsent = { ...whole, size: message.size, begun: 0 }
        const lines = envelope(commands)
        if (!wire.knowsMessageFrom('RSET')) return alone(wire, lines, unsent, proof)
        const inOneGo = isWhole(unsent.content) && (await wire.hasCompany()) && !wire.isLost
        return inOneGo ? together(wire, lines, unsent) : asking(wire, lines, unsent)
      })
      if (before === 'unfit') return { kind: 'unfit', why: 'BDAT was offered and is not known' }
      return chunkEndedBy(await Promise.all(before), await Promise.all(behind))
    },
  }
}

/** What a connection has shown so far. */
interface Proof {
  readsRefused: boolean
  /** And with it the former: no text is sent before. */
  takesChunks: boolean
  /** To a message and to RSET. */
  saysTheSame: boolean
}

/** The steps of one message. */
interface Sent {
  /** Before its last chunk; `unfit`: the intake cannot be given chunks. */
  readonly before: readonly Awaitable<Judged<Verb>>[] | 'unfit'
  /** That chunk, unless it was not wanted, and RSET. */
  readonly behind: readonly Awaitable<Judged<Verb>>[]
}

/**
 * A chunk that is refused, for no recipient was named. Where it is not read, the octets stand before
 * RSET, which becomes a command that nobody knows. Postfix takes no MAIL behind it without RSET.
 */
const REFUSED: readonly Line[] = [bdat('CHUNK', Buffer.from('XX')), RSET]

/** Octets that cannot be a command, whatever they are: none is so short. */
const FIRST_CHUNK = 2

/** Nothing is written behind it before all its replies are there. */
async function alone(
  wire: Wire,
  lines: readonly Line[],
  unsent: Unsent,
  proof: Proof,
): Promise<Sent> {
  const write = proof.takesChunks ? asking : cautiously
  const sent = await write(wire, lines, unsent, proof)
  const [message, reset] = sent.behind.slice(-2)
  if (!message || !reset) return sent
  const behind = await wire.answered(message, reset)
  const isAnswered = behind.every(({ kind }) => kind === 'passed')
  proof.saysTheSame = isAnswered && !wire.knowsMessageFrom('RSET')
  return { before: sent.before, behind }
}

/** With a chunk to be refused and a first one of its own. RFC 3030 has empty ones, Postfix refuses them. */
async function cautiously(
  wire: Wire,
  lines: readonly Line[],
  unsent: Unsent,
  proof: Proof,
): Promise<Sent> {
  const { first, rest } = await takeFirst(unsent.content, FIRST_CHUNK)
  const octets = unsent.unstuffer.push(first)
  const left = { ...unsent, begun: octets.length, content: rest }
  // Once is enough: some intakes bear few mistakes.
  const mistake = proof.readsRefused ? [] : REFUSED
  // An empty message, or one that cannot be read, has none.
  const chunk = octets.length > 0 ? [bdat('CHUNK', octets)] : []
  const steps = await Promise.all(wire.group([...mistake, ...lines, ...chunk]))
  const before = steps.slice(mistake.length)
  const [refusal, reset] = steps.slice(0, mistake.length)
  const ended = [refusal, reset].find((step) => step && isGoodbye(step))
  if (ended?.kind === 'refused') {
    discard(left)
    return { before: [{ ...ended, command: 'MAIL' }], behind: wire.group([RSET]) }
  }
  if (refusal?.kind === 'passed' || (reset && isOutOfStep(reset)) || refusesChunks(before)) {
    discard(left)
    return { before: 'unfit', behind: [] }
  }
  proof.readsRefused ||= reset?.kind === 'passed'
  proof.takesChunks = chunk.length > 0 && !refusedBy(before)
  return { before, behind: await contentIfWanted(wire, before, left) }
}

async function together(wire: Wire, lines: readonly Line[], unsent: Unsent): Promise<Sent> {
  const body = bdat('BODY', unsent.unstuffer.push(unsent.content as Buffer))
  const steps = await wire.whole([...lines, body, RSET])
  return { before: steps.slice(0, lines.length), behind: steps.slice(lines.length) }
}

/** First it is asked whether it is wanted: also for what is too long to be sent for nothing. */
async function asking(wire: Wire, lines: readonly Line[], unsent: Unsent): Promise<Sent> {
  const before = await Promise.all(wire.group(lines))
  return { before, behind: await contentIfWanted(wire, before, unsent) }
}

async function contentIfWanted(
  wire: Wire,
  before: readonly Judged<Verb>[],
  unsent: Unsent,
): Promise<Sent['behind']> {
  if (wire.isLost || refusedBy(before)) {
    discard(unsent)
    return wire.group([RSET])
  }
  const { content, unstuffer } = unsent
  if (isWhole(content)) {
    return wire.whole([bdat('BODY', unstuffer.push(content)), RSET])
  }
  const body = await wire.chunkInPieces(unsent)
  return [body, ...wire.group([RSET])]
}

function discard({ content }: Unsent): void {
  if (!Buffer.isBuffer(content)) content.destroy()
}

/** "Syntax error", "not implemented": replies to a command that is not known (RFC 5321 4.2.2). */
const UNKNOWN_COMMAND: readonly number[] = [500, 502]

function isUnknown(step: Judged<Verb> | undefined): boolean {
  return step?.kind === 'refused' && UNKNOWN_COMMAND.includes(step.reply.code)
}

/**
 * The intake offers BDAT and does not take it. A 5xx to two octets says nothing of the message; behind a
 * refused command it may be about that.
 */
function refusesChunks(before: readonly Judged<Verb>[]): boolean {
  const failed = before.filter(({ kind }) => kind !== 'passed')
  const last = failed.at(-1)
  if (last?.kind !== 'refused' || last.command !== 'CHUNK') return false
  return isUnknown(last) || (failed.length === 1 && last.reply.code >= 500)
}

/** How a message ended whose steps, as in `Sent`, are these. */
function chunkEndedBy(
  before: readonly Judged<Verb>[],
  behind: readonly Judged<Verb>[],
): Transmission {
  const [body] = behind.slice(0, -1) as Judged[]
  const reset = behind.at(-1) as Judged<Verb>
  if (isOutOfStep(reset)) return { kind: 'lost', begun: true, failure: reset.failure }
  const refused = refusedBy(before)
  // Where all of it was written, nobody knows what the intake has when the connection is gone.
  if (refused?.kind === 'lost') return { ...refused, begun: !!body && !isUnsent(body) }
  // Without content the connection ended behind the replies to the commands.
  return refused ?? (body ? endedBy(body) : (refusedBy([reset]) as Transmission))
}

function isGoodbye(step: Judged<Verb>): boolean {
  return step.kind === 'refused' && step.reply.code === CLOSING
}

function isUnsent(step: Judged): boolean {
  return step.kind === 'lost' && step.isUnsent === true
}

/** Where the connection only ended, what was said before still holds. */
function isOutOfStep(step: Judged<Verb>): step is Extract<Judged<Verb>, { kind: 'lost' }> {
  if (step.kind !== 'lost') return false
  return step.failure.kind === 'network' && step.failure.details === 'protocol'
}
