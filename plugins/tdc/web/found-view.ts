import type { Found } from '../control/gathered'
import { messageWithoutAddresses } from '../monitor/without-addresses'
import type { StatusPageSettings } from '../settings/settings'

/** The same without addresses, unless they are shown; the Message-ID tells which message it is. */
export function foundView(
  { messages, silent }: Found,
  { showAddresses }: Pick<StatusPageSettings, 'showAddresses'>,
): Found {
  return { messages: showAddresses ? messages : messages.map(messageWithoutAddresses), silent }
}
