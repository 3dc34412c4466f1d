import { LIMITS, bounded } from '../base/text'
import { errorCode } from '../base/error-code'
import type { Failure, NetworkDetails } from './outcome'

/** How a connection can end: by the network, or by TLS once that stood. */
export type Loss = Extract<Failure, { kind: 'network' | 'tls' }>

/** What the codes of socket errors mean, in the words of the log. */
const BY_CODE: Readonly<Record<string, readonly [NetworkDetails, string]>> = {
  ECONNREFUSED: ['refused', 'connection refused'],
  ETIMEDOUT: ['timeout', 'connection timed out'],
  EHOSTUNREACH: ['unreachable', 'no route to host'],
  ENETUNREACH: ['unreachable', 'network unreachable'],
  EHOSTDOWN: ['unreachable', 'host is down'],
  ENETDOWN: ['unreachable', 'network is down'],
  EADDRNOTAVAIL: ['unreachable', 'local address not available'],
  EINVAL: ['unreachable', 'no route from the local address'],
  EACCES: ['unreachable', 'connection prohibited'],
  EPERM: ['unreachable', 'connection prohibited'],
  ECONNRESET: ['reset', 'connection reset by peer'],
  ECONNABORTED: ['reset', 'connection aborted'],
  EPIPE: ['closed', 'connection closed by peer'],
  EMFILE: ['descriptors', 'too many open files'],
  ENFILE: ['descriptors', 'too many open files'],
}

export const TIMED_OUT: Loss = {
  kind: 'network',
  details: 'timeout',
  reason: 'connection timed out',
}

export const CLOSED: Loss = {
  kind: 'network',
  details: 'closed',
  reason: 'connection closed by peer',
}

/** The intake said unasked that it closes the connection (RFC 5321 section 3.8). */
export const GOODBYE: Loss = {
  kind: 'network',
  details: 'closed',
  reason: 'connection closed by peer, with a 421',
}

export const GIVEN_UP: Loss = { kind: 'network', details: 'closed', reason: 'given up' }

export function protocolLoss(reason: string): Loss {
  return { kind: 'network', details: 'protocol', reason: bounded(reason, LIMITS.sentence) }
}

/** This system has no descriptor left for a file or a connection (EMFILE, ENFILE). */
export function isOutOfDescriptors(failure: Failure): boolean {
  return failure.kind === 'network' && failure.details === 'descriptors'
}

/** The system did not take octets, for the peer had gone. */
export function isOfWriting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall === 'write'
}

/** The connection ended, in order or not. */
export function isEnd(loss: Loss): boolean {
  return loss.kind === 'network' && (loss.details === 'closed' || loss.details === 'reset')
}

/** Codes of alerts that are about our certificate: in TLS 1.3 they come when our handshake is over. */
const OUR_CERTIFICATE = /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/

/**
 * What an error of a socket means. On a socket whose verified session stands, what the TLS library
 * cannot read is a connection that broke: GnuTLS servers say their last line in plain text.
 */
export function lossOf(error: unknown): Loss {
  const code = errorCode(error) ?? ''
  if (OUR_CERTIFICATE.test(code)) {
    const text = `the intake refused our certificate, or that there is none (${code})`
    return { kind: 'tls', reason: 'validation-failure', text }
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return { kind: 'network', details: 'closed', reason: `TLS connection broken (${code})` }
  }
  const [details, reason] = BY_CODE[code] ?? ['error', 'connection failed']
  return { kind: 'network', details, reason }
}
