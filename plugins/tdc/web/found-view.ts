import type { Found } from '../control/gathered'
import type { TrackedMessage } from '../monitor/tracked'
import type { StatusPageSettings } from '../settings/settings'
import { masked } from './masked'

/** The same without addresses, unless they are shown; the Message-ID tells which message it is. */
export function foundView(
  { messages, silent }: Found,
  { showAddresses }: Pick<StatusPageSettings, 'showAddresses'>,
): Found {
  return { messages: showAddresses ? messages : messages.map(withoutAddresses), silent }
}

function withoutAddresses(message: TrackedMessage): TrackedMessage {
  return {
    ...message,
    sender: masked(message.sender),
    recipients: message.recipients.map(masked),
    steps: message.steps.map((step) => ({ ...step, text: masked(step.text) })),
  }
}
