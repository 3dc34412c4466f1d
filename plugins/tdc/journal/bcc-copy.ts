import { bounded } from '../base/text'
import { clientIpText } from './client-ip'
import { recipientTexts, senderText } from './envelope'
import { headerField, textField } from './header-field'
import { HEADER_VALUE_LIMIT, isPrintableAscii } from './header-value'
import { TOKEN_HEADER } from './loop-token'
import type { HeadTraits } from './original-filter'
import {
  LEADING_FOLD_HEADER,
  NORMALIZED_HEADER,
  REPLAYED_HEADER,
  foldGuard,
  ownHeader,
} from './own-header'
import type { ReportFacts } from './report'

/**
 * Header fields to take out of the original. Its header becomes the copy's own here, so everything
 * that the connector states in it must not stand there from the sender, the loop token included.
 */
export const BCC_REMOVALS: readonly string[] = [
  'X-CSE-ClientIP',
  'X-CSE-MailFrom',
  'X-CSE-RcptTo',
  'X-CSE-MsgDirection',
  TOKEN_HEADER,
  NORMALIZED_HEADER,
  LEADING_FOLD_HEADER,
  REPLAYED_HEADER,
]

/** The header fields on top of the original, which follows at once. */
export function bccHead(
  facts: ReportFacts,
  options: { readonly token: string },
  traits: HeadTraits,
): Buffer {
  const lines = [
    `X-CSE-ClientIP: ${clientIpText(facts.clientIp)}`,
    addressField('X-CSE-MailFrom', [senderText(facts.reversePath)]),
    addressField('X-CSE-RcptTo', recipientTexts(facts.recipients)),
    'X-CSE-MsgDirection: Incoming',
    ...ownHeader(options.token, traits),
    ...foldGuard(traits),
  ]
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''))
}

/** Folded between addresses only; as encoded text when one of them is not ASCII. */
function addressField(name: string, addresses: readonly string[]): string {
  if (!addresses.every(isPrintableAscii)) return textField(name, addresses.join(', '))
  const last = addresses.length - 1
  return headerField(
    name,
    addresses.map((address, i) => ` ${bounded(address, HEADER_VALUE_LIMIT)}${i < last ? ',' : ''}`),
  )
}
