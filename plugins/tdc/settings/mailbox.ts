import { Address } from 'address-rfc2821'
import { asciiDomain } from './domain'

export interface Mailbox {
  /** `user@domain`, the domain in ASCII and lower case. */
  readonly address: string
  readonly domain: string
}

const PRINTABLE = /^[\x20-\x7e]+$/

/** A mailbox that RCPT TO can carry without SMTPUTF8, or undefined. */
export function parseMailbox(text: string): Mailbox | undefined {
  const parsed = parsePath(text)
  if (!parsed?.user || !parsed.host) return undefined
  // The parser leaves out a source route (RFC 5321 C); written in a setting it is a mistake.
  const written = parsed.original_host ?? parsed.host
  if (`${parsed.user}@${written}` !== text || !PRINTABLE.test(parsed.user)) return undefined
  const domain = asciiDomain(written)
  return domain === undefined ? undefined : { address: `${parsed.user}@${domain}`, domain }
}

function parsePath(text: string): Address | undefined {
  try {
    return new Address(`<${text}>`)
  } catch {
    return undefined
  }
}
