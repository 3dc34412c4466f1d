import type { Fault, Step } from '../support/fault-script'
import type { Ended } from './delivery-line'

/** One cell: what the intake does, and what the retry table makes of it. */
export interface Cell {
  readonly name: string
  readonly faults: readonly Fault[]
  /** The step whose number of times at the server is the number of attempts. */
  readonly counted: Step
  readonly attempts: 1 | 2
  readonly end: Ended['kind']
  /** Octets of the message. */
  readonly size: number
  /** EHLO keywords. */
  readonly keywords: readonly string[]
  /** Whole messages that the intake may have: two only when its 250 was lost. */
  readonly taken: 0 | 1 | 2 | 3
  /** Its first connection has taken another message before the faults begin. */
  readonly proven?: true
  /**
   * Most attempts that the intake sees: what is no fault of the copy goes over another connection, or to
   * another address, uncharged, three times at most (docs/specification.md 5.4).
   */
  readonly most?: number
}

/** Milliseconds: within every timeout of the case, and beyond all of them. */
export const SLOW = 100
export const LATE = 4_000

/** Times that a copy goes on uncharged. */
const UNCHARGED = 3

const SMALL = 2_000
const LARGE = 150_000

const SEQUENTIAL = ['8BITMIME', 'SIZE 52428800']
const PIPELINED = [...SEQUENTIAL, 'PIPELINING']
const CHUNKED = [...PIPELINED, 'CHUNKING']

/** Success of each command (RFC 5321 section 4.3.2, RFC 3207 section 4). */
const SUCCESS: Readonly<Partial<Record<Step, readonly number[]>>> = {
  CONNECT: [220],
  EHLO: [250],
  STARTTLS: [220],
  EHLO2: [250],
  MAIL: [250],
  RCPT: [250, 251],
  DATA: [354],
  BODY: [250],
}

const COMMANDS = Object.keys(SUCCESS) as Step[]
const TLS_STEPS: readonly Step[] = ['STARTTLS', 'HANDSHAKE']
const CODES = [
  ...[220, 221, 250, 251, 252, 299, 354, 334],
  ...[421, 432, 450, 451, 452, 454, 455],
  ...[500, 501, 502, 503, 504, 521, 530, 550, 551, 552, 553, 554, 571],
]
/** "EHLO is not known" (RFC 5321 section 4.2.2): then there is no STARTTLS either. */
const EHLO_UNKNOWN = [500, 502, 504]
const RETRIED_5XX = [503, 552]

type Judged = Pick<Cell, 'attempts' | 'end' | 'taken'>
const delivered: Judged = { attempts: 1, end: 'delivered', taken: 1 }
const refusedOnce: Judged = { attempts: 1, end: 'hard-bounced', taken: 0 }
const triedTwice: Judged = { attempts: 2, end: 'hard-bounced', taken: 0 }
const tlsError: Judged = { attempts: 1, end: 'tls-error', taken: 0 }

/** The whole message stands at the intake, whatever was said about it. */
const TWICE_READ: Judged = { ...triedTwice, taken: 2 }

/** The retry table, applied to a reply code (not read from the product). */
function ofReply(step: Step, code: number): Judged {
  if (SUCCESS[step]?.includes(code)) return delivered
  if (TLS_STEPS.includes(step)) return tlsError
  if (step === 'EHLO' && EHLO_UNKNOWN.includes(code)) return tlsError
  if (step === 'CHUNK') return ofFirstChunk(code)
  const retried = code < 500 || RETRIED_5XX.includes(code)
  // A 2xx or 3xx that does not belong there is no refusal: what the intake did nobody knows.
  const read = step === 'BODY' ? 1 : 0
  return retried ? { ...triedTwice, taken: read ? 2 : 0 } : { ...refusedOnce, taken: read ? 1 : 0 }
}

/** It is two octets long: a 5xx is about the way, and DATA is another; so it is behind what is no reply. */
function ofFirstChunk(code: number): Judged {
  if (code < 400 && code !== 250) return { ...delivered, attempts: 2 }
  return code >= 400 && code < 500 ? triedTwice : delivered
}

function ofLoss(step: Step): Judged {
  if (TLS_STEPS.includes(step)) return tlsError
  return step === 'BODY' ? TWICE_READ : triedTwice
}

/** Endings of a connection; the endless ones say something that is no reply. */
const ENDINGS = [
  ...(['drop', 'reset', 'half-open', 'stall', 'deaf'] as const),
  ...(['endless-line', 'endless-reply'] as const),
]

const GARBAGE = ['000 no', '999 no', 'hello', '25 short', '250_no', '250-a\r\n251 b', '\0']

function cell(name: string, fault: Fault, judged: Judged, more: Partial<Cell> = {}): Cell {
  const usual = { counted: fault.on, size: SMALL, keywords: SEQUENTIAL }
  return { name: `${fault.on} ${name}`, faults: [fault], ...usual, ...judged, ...more }
}

function repliesAt(on: Step, more: Partial<Cell> = {}): Cell[] {
  return CODES.filter((code) => !SUCCESS[on]?.includes(code)).flatMap((code) => {
    const judged = ofReply(on, code)
    const lines = `${code}-one\r\n${code} two`
    return [
      cell(String(code), { on, reply: `${code} x` }, judged, more),
      cell(`${code} in lines`, { on, reply: lines, split: true }, judged, more),
    ]
  })
}

function endingsAt(on: Step, more: Partial<Cell> = {}): Cell[] {
  return ENDINGS.map((then) => cell(then, { on, then }, ofLoss(on), more))
}

function timesAt(on: Step): Cell[] {
  return [
    cell('slow', { on, delay: SLOW }, delivered),
    cell('late', { on, delay: LATE }, ofLoss(on)),
  ]
}

/** One command after the other: every code and ending at every command. */
const oneByOne: Cell[] = [
  ...COMMANDS.flatMap((on) => [
    ...repliesAt(on),
    ...endingsAt(on),
    ...timesAt(on),
    ...GARBAGE.map((reply) => cell(JSON.stringify(reply), { on, reply }, ofLoss(on))),
    cell('octet by octet', { on, split: true }, delivered),
    // Behind the last reply nobody waits for anything: the copy is delivered.
    cell('and a reply more', { on, extra: '250 x\r\n' }, on === 'BODY' ? delivered : ofLoss(on)),
  ]),
  ...timesAt('HANDSHAKE'),
  ...endingsAt('HANDSHAKE'),
  cell('in plain text', { on: 'HANDSHAKE', reply: '250 x' }, tlsError),
  ...[1, 100, 1_000, 5_000, 20_000, 65_536, 100_000].flatMap((after) =>
    ENDINGS.filter((then) => !then.startsWith('endless')).map((then) =>
      cell(`${then} after ${after}`, { on: 'CONTENT', after, then }, triedTwice, { size: LARGE }),
    ),
  ),
  ...ENDINGS.map((then) => cell(then, { on: 'QUIT', then }, delivered, { counted: 'BODY' })),
  // A refusal stands, whatever becomes of the RSET behind it.
  ...ENDINGS.map((then): Cell => ({
    ...cell(`${then} behind a 550`, { on: 'RSET', then }, refusedOnce, { counted: 'RCPT' }),
    faults: [
      { on: 'RCPT', reply: '550 5.1.1 No' },
      { on: 'RSET', then },
    ],
  })),
]

/** The same at what is written together with other commands. */
const together: Cell[] = [PIPELINED, CHUNKED].flatMap((keywords) => {
  const way = keywords.at(-1)?.toLowerCase() ?? ''
  const cells = [
    ...(['MAIL', 'RCPT'] as const).flatMap((on) => [
      ...repliesAt(on, { keywords }),
      ...endingsAt(on, { keywords }),
    ]),
    ...repliesAt('BODY', { keywords }),
    ...endingsAt('BODY', { keywords }),
    ...[1, 1_000, 65_536].flatMap((after) =>
      (['drop', 'reset', 'stall', 'deaf'] as const).map((then) =>
        cell(`${then} after ${after}`, { on: 'CONTENT', after, then }, triedTwice, {
          keywords,
          size: LARGE,
        }),
      ),
    ),
  ]
  return cells.map((each) => ({ ...each, name: `${each.name}, ${way}` }))
})

/** The chunk before the last. */
const firstChunks: Cell[] = [
  ...repliesAt('CHUNK', { keywords: CHUNKED }),
  ...endingsAt('CHUNK', { keywords: CHUNKED }).filter(({ name }) => !name.includes('endless')),
  // The second attempt has none where the first was out of step.
].map((each) => (each.attempts === 2 ? { ...each, counted: 'MAIL' as const } : each))

/** Commands and message in one write, which a connection is trusted with after its first chunk. */
const inOneWrite: Cell[] = (['MAIL', 'RCPT', 'BODY'] as const)
  .flatMap((on) => [
    ...repliesAt(on, { keywords: CHUNKED }),
    ...endingsAt(on, { keywords: CHUNKED }),
  ])
  .map((each) => ({
    ...each,
    name: `${each.name}, in one write`,
    proven: true as const,
    // An intake that says yes with a code which is not the command's reads what is behind it.
    taken: each.taken === 0 ? 1 : each.taken,
  }))
  // The message stands behind each MAIL that was not taken.
  .map((each) => (each.attempts === 2 ? { ...each, taken: UNCHARGED, most: 2 * UNCHARGED } : each))

/** Before the message, on a verified session: the connection's fault, or the host's. */
const BEFORE_THE_MESSAGE: readonly Step[] = ['EHLO2', 'MAIL', 'RCPT', 'DATA', 'CHUNK']

export const CELLS: readonly Cell[] = [
  ...[...oneByOne, ...together, ...firstChunks].map((each) => {
    const [fault] = each.faults
    const isMoved = each.attempts === 2 && fault && BEFORE_THE_MESSAGE.includes(fault.on)
    return isMoved ? { ...each, most: 2 * UNCHARGED } : each
  }),
  ...inOneWrite,
]
