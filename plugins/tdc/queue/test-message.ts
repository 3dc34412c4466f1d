import { dateText } from '../journal/date-text'
import type { PlanFacts } from './plan'
import type { Original } from './preparer'

/** Marks the test message in its header, so that the service's people can tell what it is. */
const TEST_HEADER = 'X-TDC-Test'

const SUBJECT = 'Threat Defense Connector test'

/** A message that a person sends through the queue to see whether copies arrive. */
export interface TestMessage {
  readonly original: Original
  readonly facts: PlanFacts
  readonly address: string
}

/** From and to the gateway's postmaster; `id` stands for the transaction. */
export function testMessage(id: string, gateway: string, now: number): TestMessage {
  const address = `postmaster@${gateway}`
  const messageId = `<${id}@${gateway}>`
  const text = [
    `Date: ${dateText(now)}`,
    `From: <${address}>`,
    `To: <${address}>`,
    `Subject: ${SUBJECT}`,
    `Message-ID: ${messageId}`,
    `${TEST_HEADER}: yes`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'This is a test of the way to the message intake address. It was sent by hand; no mail stands',
    'behind it.',
    '',
  ].join('\r\n')
  const octets = Buffer.from(text)
  return {
    address,
    original: {
      messageId,
      octets: octets.length,
      read: async (take) => void (await take(octets)),
    },
    facts: {
      transaction: id,
      before: 0,
      gateway,
      reversePath: address,
      subject: SUBJECT,
      messageId,
      clientIp: '127.0.0.1',
      date: now,
      internationalHeader: false,
    },
  }
}
