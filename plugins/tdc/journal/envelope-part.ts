import { recipientTexts, senderText } from './envelope'
import { isPrintableAscii } from './header-value'
import { messageIdText } from './message-id'
import type { ReportFacts } from './report'
import { subjectText } from './subject'

export interface EnvelopePart {
  readonly eightBit: boolean
  /** Header, empty line and text; without line ends. */
  readonly lines: readonly string[]
}

/**
 * The report's first part: [MS-XJRNL] 2.1 in the labels, order and case that Exchange sends and its
 * readers match. Never base64 or quoted-printable: several readers do not decode it.
 */
export function envelopePart(facts: ReportFacts): EnvelopePart {
  const text = [
    `Sender: ${senderText(facts.reversePath)}`,
    `Subject: ${subjectText(facts.subject)}`,
    `Message-Id: ${messageIdText(facts.messageId)}`,
    ...recipientTexts(facts.recipients, facts.given).map((text) => `Recipient: ${text}`),
  ]
  const eightBit = !text.every(isPrintableAscii)
  const header = [
    `Content-Type: text/plain; charset="${eightBit ? 'utf-8' : 'us-ascii'}"`,
    `Content-Transfer-Encoding: ${eightBit ? '8bit' : '7bit'}`,
  ]
  return { eightBit, lines: [...header, '', ...text] }
}
