import { domainToASCII } from 'node:url'
import type { AddressFacts, MessageFacts } from '../decide/message-facts'
import type { HarakaAddress } from './types'

/** `user@domain` as received, without brackets; '' for the null reverse-path. */
export function addressOf(address: HarakaAddress): string {
  return addressFacts(address).address
}

const NOBODY: AddressFacts = { address: '', key: '', domain: '' }

/** Also of what a plugin put in the place of an address: another class, numbers, or a text. */
export function addressFacts(address: HarakaAddress): AddressFacts {
  try {
    return isLegible(address) ? factsOf(address) : NOBODY
  } catch {
    return NOBODY
  }
}

/** Whether there is anything to be read in it; the null reverse-path has nothing. */
export function isLegible(address: unknown): boolean {
  try {
    if (typeof address === 'string') return isName(address)
    const { user, original, address: text } = Object(address) as Record<string, unknown>
    return isName(user) || isName(original) || isName(text)
  } catch {
    return false
  }
}

function isName(said: unknown): boolean {
  return typeof said === 'string' ? said !== '' && said !== '<>' : typeof said === 'number'
}

function factsOf(address: HarakaAddress): AddressFacts {
  const { user: name, host, format } = Object(address) as Partial<HarakaAddress>
  if (typeof name === 'number') return factsOfPath(`${String(name)}@${String(host)}`)
  const user = name
  const isKnown = typeof user === 'string' && typeof host === 'string' && format !== undefined
  if (!isKnown) return factsOfPath(pathOf(address))
  if (user === '') return { address: '', key: '', domain: host }
  const key = host === '' ? user.toLowerCase() : `${user.toLowerCase()}@${host}`
  return { address: address.format().slice(1, -1), key, domain: host }
}

function pathOf(address: unknown): string {
  const { original, address: text } = Object(address) as Record<string, unknown>
  if (typeof address === 'string') return address
  if (typeof text === 'string') return text
  return typeof original === 'string' ? original : String(address)
}

/**
 * Of a path as it stands in a command, with or without brackets and a source route (RFC 5321 4.1.2):
 * what Haraka's own address has for all that its parser takes.
 */
export function factsOfPath(path: string): AddressFacts {
  const [, address = ''] = /^\s*<?(?:@[^:"]*:)?(.*?)>?\s*$/s.exec(path) ?? []
  const at = address.lastIndexOf('@')
  if (at < 0) return { address, key: address.toLowerCase(), domain: '' }
  const host = address.slice(at + 1)
  const domain = /[^\x00-\x7f]/.test(host) ? domainToASCII(host) : host.toLowerCase()
  return { address, key: `${address.slice(0, at).toLowerCase()}@${domain}`, domain }
}

/** A message that is asked about. */
export interface Supposed {
  /** A path; empty or `<>`: the null one. */
  readonly from: string
  readonly to: string
  /** What a plugin makes of `to`; empty: it stays. */
  readonly becomes: string
  readonly relayClient: boolean
}

/** The facts of a clean message to one recipient: the others would change nothing for it. */
export function supposedFacts({ from, to, becomes, relayClient }: Supposed): MessageFacts {
  const given = factsOfPath(to)
  const recipient = becomes === '' ? given : { ...factsOfPath(becomes), given: [given] }
  return {
    transaction: '',
    sender: factsOfPath(from).key,
    recipients: [recipient],
    relayClient,
    loopToken: undefined,
  }
}
