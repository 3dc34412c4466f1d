import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { get, type RequestOptions } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../clock'
import { errorCode } from '../base/error-code'
import { OWN_LIMITS } from '../smtp/tls'
import { failureOfHandshake, isCertificateCode } from '../smtp/tls-failure'

export type Fetched =
  | { kind: 'fetched'; text: string }
  | { kind: 'failed'; reason: 'sts-policy-fetch-error' | 'sts-webpki-invalid'; text: string }

/** Gets the policy file of a domain. Never rejects. */
export type StsFetch = (domain: string) => Promise<Fetched>

/** RFC 8461 section 3.3 suggests a minute and 64 KB. */
const FETCH_TIMEOUT = 60_000
const LONGEST_POLICY = 64 * 1024

const PATH = '/.well-known/mta-sts.txt'

/** Where and by whose roots: for tests; the web's own otherwise. */
export type FetchPlace = Pick<RequestOptions, 'port' | 'ca' | 'lookup'>

class NotPublic extends Error {}

/**
 * By HTTPS from `mta-sts.DOMAIN`, whose certificate must be good for that name by the roots that Node
 * trusts ([tls] ca_file is about the intake). No redirect is followed, nothing is cached (section 3.3).
 * `mayConnect` decides on the addresses of the host, as it does on those of MX hosts: the DNS of a
 * domain must not lead a request into our own network.
 */
export function makeStsFetch(
  clock: Clock,
  mayConnect: (address: string) => boolean,
  place: FetchPlace = {},
): StsFetch {
  const lookup = permittedLookup(place.lookup ?? systemLookup, mayConnect)
  return (domain) =>
    new Promise((resolve) => {
      const finish = (fetched: Fetched): void => {
        timer.cancel()
        request.destroy()
        resolve(fetched)
      }
      const fail = (error: unknown): void => finish(failureOf(error))
      const host = `mta-sts.${domain}`
      const request = get(
        {
          ...place,
          lookup,
          host,
          servername: host,
          path: PATH,
          headers: { accept: 'text/plain' },
          agent: false,
          // Explicit, because the environment can lower the default.
          rejectUnauthorized: true,
          ...OWN_LIMITS,
        },
        (response) => {
          const refusal = refusalOf(response)
          if (refusal === undefined) textOf(response).then(finish, fail)
          else finish(fetchError(refusal))
        },
      )
      const timer = clock.after(FETCH_TIMEOUT, () => finish(fetchError('timed out')))
      // Stays: what fails after the end must not reach the process.
      request.on('error', fail)
    })
}

/** Looks names up as `lookup` does, but for the addresses that may not be connected to. */
function permittedLookup(
  lookup: LookupFunction,
  mayConnect: (address: string) => boolean,
): LookupFunction {
  return (host, options, done) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return done(error, '')
      const addresses = (found as LookupAddress[]).filter(({ address }) => mayConnect(address))
      const [first] = addresses
      if (!first) done(new NotPublic('no address is public (allow_private=false)'), '')
      else if (options.all) done(null, addresses)
      else done(null, first.address, first.family)
    })
}

function refusalOf({ statusCode, headers }: IncomingMessage): string | undefined {
  if (statusCode !== 200) return `the answer was ${statusCode}`
  // Some servers let strangers put up files, but not of any type.
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  return type.trim().toLowerCase() === 'text/plain' ? undefined : 'the answer is not text/plain'
}

async function textOf(response: IncomingMessage): Promise<Fetched> {
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > LONGEST_POLICY) return fetchError('the answer is too long')
    chunks.push(chunk)
  }
  return { kind: 'fetched', text: Buffer.concat(chunks).toString('utf8') }
}

function failureOf(error: unknown): Fetched {
  if (error instanceof NotPublic) return fetchError(error.message)
  const code = errorCode(error) ?? 'unknown'
  // These codes say nothing, or another thing with each OpenSSL.
  const isVague = code === 'UNSPECIFIED' || code.startsWith('ERR_SSL_')
  const text = isVague ? failureOfHandshake(error as Error).text : code
  return isCertificateCode(code)
    ? { kind: 'failed', reason: 'sts-webpki-invalid', text }
    : fetchError(text)
}

function fetchError(text: string): Fetched {
  return { kind: 'failed', reason: 'sts-policy-fetch-error', text }
}
