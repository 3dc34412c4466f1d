import type { TrackedMessage } from '../monitor/tracked'
import { clockText, momentText } from './moments'
import { table } from './table'

/** One message and each step of it, with its time. */
export function trackedText(message: TrackedMessage): string[] {
  const { transaction, at, messageId, sender, recipients, recipientCount, steps } = message
  const more = recipientCount - recipients.length
  const known = recipientCount > 0
  return [
    `Message ${transaction}  ${momentText(at)}  ${messageId}`.trimEnd(),
    ...(known ? [`  from <${sender}>`] : []),
    ...(known ? [`  to ${recipients.join(', ')}${more > 0 ? ` and ${more} more` : ''}`] : []),
    ...table(steps.map((step) => [`  ${clockText(step.at)}`, step.kind, step.text])),
  ]
}
