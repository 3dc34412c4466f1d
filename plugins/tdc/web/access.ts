import type { IncomingHttpHeaders } from 'node:http'
import type { StatusPageSettings } from '../settings/settings'
import { bearerToken, COOKIE, cookieOf, isSession, isToken } from './credentials'
import { hostNameOf, plainAddress } from './host-name'
import { isLocalClient, isLoopback } from './local-client'

/** What a request shows of itself. */
export interface Asker {
  readonly headers: IncomingHttpHeaders
  /** Of the connection; undefined on a unix socket. */
  readonly remoteAddress: string | undefined
  /** The address of this server that it came to. */
  readonly localAddress: string | undefined
}

export type Access = 'granted' | 'wrong-host' | 'not-local' | 'token-needed'

/**
 * Who may see the page: with a token, whoever shows it; without one, clients of this machine. A Host
 * header of another name is a page from elsewhere whose name was bound to this address.
 */
export function accessOf(asker: Asker, page: StatusPageSettings, now: number): Access {
  if (!isOurHost(asker, page.hosts)) return 'wrong-host'
  if (page.token === undefined) {
    return isLocalClient(asker.remoteAddress, asker.headers) ? 'granted' : 'not-local'
  }
  return showsToken(asker, page.token, now) ? 'granted' : 'token-needed'
}

function isOurHost({ headers, localAddress }: Asker, hosts: ReadonlySet<string>): boolean {
  const name = hostNameOf(headers.host ?? '')
  if (name === undefined) return false
  return (
    hosts.has(name) ||
    isLoopback(name) ||
    (localAddress !== undefined && name === plainAddress(localAddress))
  )
}

function showsToken({ headers }: Asker, token: string, now: number): boolean {
  const bearer = bearerToken(headers.authorization)
  if (bearer !== undefined) return isToken(bearer, token)
  const cookie = cookieOf(headers.cookie, COOKIE)
  return cookie !== undefined && isSession(cookie, token, now)
}
