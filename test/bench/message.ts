import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'

/** Octets of a message's body, unless it is to be of another size. */
const BODY_SIZE = 4_096
const LINE = 'The quick brown fox jumps over the lazy dog, again and again, until dawn.\r\n'

function bodyOf(size: number): string {
  return LINE.repeat(Math.ceil(size / LINE.length)).slice(0, size - 2) + '\r\n'
}

export const RECIPIENT = 'journal@intake.example'
export const SENDER = 'postmaster@gateway.example'

/** What a benchmark delivers: text, each with a Message-ID of its own. */
export function benchMessage(
  number: number,
  size = BODY_SIZE,
): Outgoing & { readonly raw: Buffer } {
  const mid = `${number.toString(16).padStart(8, '0').toUpperCase()}-BENCH.1.tdc1`
  const raw = Buffer.from(
    [
      `From: ${SENDER}`,
      `To: ${RECIPIENT}`,
      `Subject: message ${number}`,
      `Message-ID: <${mid}@gateway.example>`,
      'Date: Fri, 20 Nov 2026 12:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      bodyOf(size),
    ].join('\r\n'),
  )
  return {
    mid,
    raw,
    recipient: RECIPIENT,
    reversePath: SENDER,
    size: raw.length,
    eightBit: false,
    smtputf8: false,
    content: () => raw,
  }
}

export function benchMessages(count: number, size?: number): ReturnType<typeof benchMessage>[] {
  return Array.from({ length: count }, (_, number) => benchMessage(number, size))
}
