import { safeCut } from '../base/text'
import { domainToASCII } from 'node:url'
import { encodeWords } from './encoded-word'
import { isPrintableAscii } from './header-value'

const DOMAIN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/
const LITERAL = /^\[[A-Za-z0-9:.]+\]$/
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$/
const QUOTED = /^"(?:[ !#-[\]-~]|\\[ -~])*"$/

/** RFC 5321 4.5.3.1.2 and .3: octets of a domain, octets of a path. */
const DOMAIN_LIMIT = 255
const PATH_LIMIT = 256

const NAME_LIMIT = 200

/** The domain in A-labels (RFC 5890); one that cannot be written so is `invalid` (RFC 2606 2). */
export function headerDomain(domain: string): string {
  const ascii = isPrintableAscii(domain) ? domain : domainToASCII(domain)
  const valid = ascii.length <= DOMAIN_LIMIT && (DOMAIN.test(ascii) || LITERAL.test(ascii))
  return valid ? ascii : 'invalid'
}

/**
 * An address for a header that has to be ASCII. RFC 2047 5 forbids encoded words in an addr-spec;
 * a local part that is not ASCII becomes postmaster, which every domain has (RFC 5321 4.5.1) - the
 * envelope, not this header, says where the message goes.
 */
export function asciiAddress(address: string): string {
  const at = address.lastIndexOf('@')
  const local = at < 0 ? address : address.slice(0, at)
  const valid = local.length <= PATH_LIMIT && (DOT_ATOM.test(local) || QUOTED.test(local))
  return `${valid ? local : 'postmaster'}@${headerDomain(at < 0 ? '' : address.slice(at + 1))}`
}

/** `Name <user@domain>` or `user@domain` as the pieces of an ASCII From field called `field`. */
export function mailboxPieces(field: string, mailbox: string): string[] {
  const angle = /^([^<]*)<([^<>]*)>$/.exec(mailbox.trim())
  const address = ` <${asciiAddress(angle?.[2] ?? mailbox.trim())}>`
  const quoted = (angle?.[1] ?? '').trim().replace(/^"(.*)"$/s, '$1')
  const name = safeCut(quoted.replace(/\\(.)/gs, '$1'), NAME_LIMIT)
  if (name === '') return [address]
  if (!isPrintableAscii(name)) return [...encodeWords(name, field.length + 2), address]
  return [` "${name.replace(/["\\]/g, '\\$&')}"`, address]
}
