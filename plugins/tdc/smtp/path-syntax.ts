const SPACE = 0x20
const DELETE = 0x7f

/**
 * Whether an address can stand between angle brackets without ending them or the line: no control
 * characters anywhere, no space and no angle bracket outside a quoted local part (RFC 5321
 * section 4.1.2). It says nothing about whether the address exists.
 */
export function isSafeAddress(address: string): boolean {
  let quoted = false
  for (let at = 0; at < address.length; at++) {
    const unit = address.charCodeAt(at)
    const char = address[at]
    if (unit < SPACE || unit === DELETE) return false
    if (char === '\\' && quoted) {
      at++
      if (!isQuotable(address.charCodeAt(at))) return false
    } else if (char === '"') {
      quoted = !quoted
    } else if (!quoted && (unit === SPACE || char === '<' || char === '>')) {
      return false
    }
  }
  return !quoted
}

export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > DELETE) return false
  return true
}

/** What may follow a backslash: quoted-pairSMTP of RFC 5321 section 4.1.2. NaN: nothing follows. */
function isQuotable(unit: number): boolean {
  return unit >= SPACE && unit < DELETE
}
