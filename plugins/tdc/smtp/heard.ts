import { type Loss, protocolLoss } from './loss'
import type { SmtpCommand, Failure, Reply } from './outcome'

/** Every command that is answered. RSET, and CHUNK, a BDAT before the last, are part of no outcome. */
export type Verb = SmtpCommand | 'CHUNK' | 'RSET'

/** What came of waiting for a reply. */
export type Heard =
  { kind: 'reply'; reply: Reply; lines: readonly string[] } | { kind: 'lost'; failure: Loss }

/** The same, judged: the command succeeded, was refused (4xx, 5xx), or the connection is lost. */
export type Judged<V extends Verb = SmtpCommand> =
  | { kind: 'passed'; reply: Reply; lines: readonly string[] }
  | { kind: 'refused'; command: V; reply: Reply }
  /** `isUnsent`: what was to be answered surely did not reach the intake whole. */
  | { kind: 'lost'; failure: Loss; isUnsent?: true }

/** Success codes per command (RFC 5321 section 4.3.2, RFC 3207 section 4). */
const SUCCESS: Readonly<Record<Verb, readonly number[]>> = {
  CONNECT: [220],
  EHLO: [250],
  STARTTLS: [220],
  MAIL: [250],
  RCPT: [250, 251],
  DATA: [354],
  CHUNK: [250],
  BODY: [250],
  RSET: [250],
  QUIT: [221],
}

/** The server is closing (RFC 5321 section 3.8); the only refusal that RSET can meet (4.1.1.5). */
export const CLOSING = 421

/**
 * Judges an answer. A positive code that does not belong to the command means that the two sides
 * no longer speak of the same step, so nothing can be believed any more (spec 5.4: network).
 */
export function judge<V extends Verb>(command: V, answer: Heard): Judged<V> {
  if (answer.kind === 'lost') return answer
  const { reply, lines } = answer
  if (SUCCESS[command].includes(reply.code)) return { kind: 'passed', reply, lines }
  if (reply.code >= 400 && !(command === 'RSET' && reply.code !== CLOSING)) {
    return { kind: 'refused', command, reply }
  }
  return { kind: 'lost', failure: protocolLoss(`unexpected reply ${reply.code} to ${command}`) }
}

export function failureOf(step: Judged): Failure | undefined {
  switch (step.kind) {
    case 'passed':
      return undefined
    case 'refused':
      return { kind: 'reply', command: step.command, reply: step.reply }
    case 'lost':
      return step.failure
  }
}
