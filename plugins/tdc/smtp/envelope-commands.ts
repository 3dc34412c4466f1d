import { isAscii, isSafeAddress } from './path-syntax'
import type { Capabilities } from './capabilities'
import type { SmtpCommand, Reply } from './outcome'
import type { Outgoing } from './outgoing'

/** The commands of one message, or the refusal that the intake would give, given here instead. */
export type Envelope =
  | { kind: 'commands'; mail: string; rcpt: string }
  | { kind: 'refused'; command: SmtpCommand; reply: Reply }

/** Writes the commands with the parameters that the intake offered and the message wants. */
export function envelopeOf(message: Outgoing, capabilities: Capabilities): Envelope {
  const refusal =
    tooLarge(message, capabilities) ??
    unwritable(message, capabilities) ??
    notSevenBit(message, capabilities)
  if (refusal) return refusal
  const { recipient, reversePath, size, eightBit, smtputf8 } = message
  const parameters = [
    ...(capabilities.size === undefined ? [] : [`SIZE=${size}`]),
    ...(eightBit && capabilities.eightBitMime ? ['BODY=8BITMIME'] : []),
    ...(smtputf8 && capabilities.smtputf8 ? ['SMTPUTF8'] : []),
  ]
  return {
    kind: 'commands',
    mail: [`MAIL FROM:<${reversePath}>`, ...parameters].join(' '),
    rcpt: `RCPT TO:<${recipient}>`,
  }
}

/** RFC 1870 section 6.1: what is known to be too large need not be sent to learn the 552. */
function tooLarge(message: Outgoing, { size }: Capabilities): Envelope | undefined {
  if (!size || message.size <= size) return undefined
  const text = `not sent: ${message.size} octets, the intake takes ${size}`
  return { kind: 'refused', command: 'MAIL', reply: { code: 552, enhanced: '5.3.4', text } }
}

function unwritable(message: Outgoing, capabilities: Capabilities): Envelope | undefined {
  const { recipient, reversePath } = message
  if (!isSafeAddress(reversePath)) return refuse('MAIL', '5.1.7', 'bad sender address')
  if (recipient === '' || !isSafeAddress(recipient)) {
    return refuse('RCPT', '5.1.3', 'bad recipient address')
  }
  if (message.smtputf8 && capabilities.smtputf8) return undefined
  // RFC 6531 section 3.1: without SMTPUTF8 commands are ASCII, and 5.6.7 says why this cannot go.
  if (!isAscii(reversePath)) return refuse('MAIL', '5.6.7', 'the sender address needs SMTPUTF8')
  if (!isAscii(recipient)) return refuse('RCPT', '5.6.7', 'the recipient address needs SMTPUTF8')
  return undefined
}

/** RFC 6152 section 3: without 8BITMIME the text is 7-bit. It is sent all the same where it can't be. */
function notSevenBit(message: Outgoing, capabilities: Capabilities): Envelope | undefined {
  if (!message.eightBit || capabilities.eightBitMime || !message.mayFallBack) return undefined
  const text = 'not sent: 8-bit text, and the intake does not offer 8BITMIME'
  return { kind: 'refused', command: 'BODY', reply: { code: 554, enhanced: '5.6.3', text } }
}

function refuse(command: SmtpCommand, enhanced: string, why: string): Envelope {
  return { kind: 'refused', command, reply: { code: 553, enhanced, text: `not sent: ${why}` } }
}
