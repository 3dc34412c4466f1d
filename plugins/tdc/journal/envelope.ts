import { safeCut } from '../base/text'
import { VALUE_LIMIT } from './header-value'

/** The null reverse-path is written as [MS-XJRNL] 2.1 and RFC 5321 4.1.2 write it. */
export function senderText(reversePath: string): string {
  return reversePath === '' ? '<>' : safeCut(reversePath, VALUE_LIMIT)
}

/** In RCPT order, each once. Only the domain is compared without case (RFC 5321 2.4). */
export function recipientTexts(recipients: readonly string[]): string[] {
  const distinct = new Map<string, string>()
  for (const recipient of recipients) {
    const at = recipient.lastIndexOf('@') + 1
    const key = recipient.slice(0, at) + recipient.slice(at).toLowerCase()
    if (!distinct.has(key)) distinct.set(key, recipient)
  }
  const texts = [...distinct.values()].map((recipient) => safeCut(recipient, VALUE_LIMIT))
  return texts.filter((text) => text !== '')
}
