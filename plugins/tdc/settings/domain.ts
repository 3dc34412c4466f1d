import { domainToASCII } from 'node:url'

/** RFC 1035 2.3.4: octets of a name, and of a label. */
const NAME_MAX = 253
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

const ASCII = /^[\x00-\x7f]*$/
const ADDRESS_LITERAL = /^\[(?:ipv6:)?[0-9a-f.:]{2,45}\]$/

/**
 * A domain in ASCII and lower case, without the dot of the root; undefined when it is none. Only what is not ASCII goes through
 * the URL rules, which read `127.1` as an address and drop what follows a slash.
 */
export function asciiDomain(text: string): string | undefined {
  if (!ASCII.test(text) && /[\x00-\x2c/:-@[-^`{-\x7f]/.test(text)) return undefined
  const name = (ASCII.test(text) ? text.toLowerCase() : domainToASCII(text)).replace(/\.$/, '')
  if (name.length > NAME_MAX) return undefined
  const labels = name.split('.')
  if (!labels.every((label) => LABEL.test(label))) return undefined
  return /^\d+$/.test(labels.at(-1) ?? '') ? undefined : name
}

/** `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 4.1.3) in lower case, or a domain. */
export function domainOrLiteral(text: string): string | undefined {
  const lower = text.toLowerCase()
  return ADDRESS_LITERAL.test(lower) ? lower : asciiDomain(text)
}
