import type { Report } from '../monitor/events'
import type { Failure } from './outcome'

/** The two ends of one connection, as its events name them. */
export interface Peer {
  readonly dcid: number
  /** Name of the MX host. */
  readonly host: string
  readonly remote: string
  readonly port: number
  readonly local: string
}

/** Tells of a failure of the connection itself; a reply is told of by whoever settles the message. */
export function reportFailure(report: Report, peer: Peer, failure: Failure): void {
  const { dcid, host, remote, port, local } = peer
  switch (failure.kind) {
    case 'network': {
      const { details, reason } = failure
      report({ kind: 'connection-error', dcid, remote, port, details, local, reason })
      return
    }
    case 'tls': {
      const { reason, text } = failure
      report({ kind: 'tls-failed', dcid, host, remote, reason, text })
      return
    }
    case 'reply':
    case 'dns':
  }
}
