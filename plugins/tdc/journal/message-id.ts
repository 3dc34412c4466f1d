import { safeCut } from '../base/text'
import { textField, unbrokenField } from './header-field'
import { VALUE_LIMIT, isPrintableAscii, unfold } from './header-value'

/** The Message-ID as it was received, on one line; '' when there is none. Never decoded. */
export function messageIdText(messageId: string | undefined): string {
  return safeCut(unfold(messageId ?? ''), VALUE_LIMIT)
}

/** Printable ASCII goes as it is, even if it looks encoded: readers compare it with the original's. */
export function parentMessageIdField(messageId: string | undefined): string[] {
  const name = 'X-MS-Exchange-Parent-Message-Id'
  const id = messageIdText(messageId)
  if (id === '') return []
  return [isPrintableAscii(id) ? unbrokenField(name, id) : textField(name, id)]
}
