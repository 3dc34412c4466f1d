import { LIMITS, bounded } from '../base/text'
import { errorCode } from '../base/error-code'
import type { DnsResult, Failure } from '../smtp/outcome'

export type DnsFailure = Extract<Failure, { kind: 'dns' }>

/** DNS error codes of Node (c-ares and getaddrinfo), and of DnsClient. What is not here may heal and is `error`. */
const BY_CODE: Readonly<Record<string, readonly [DnsResult, string]>> = {
  ENOTFOUND: ['nxdomain', 'the name does not exist'],
  ENODATA: ['nxdomain', 'no MX or address record'],
  ESERVFAIL: ['servfail', 'the DNS server failed'],
  EAI_AGAIN: ['servfail', 'the DNS server failed'],
  EBOGUS: ['servfail', 'DNSSEC: the signatures of the answer are wrong or too old'],
  ETIMEOUT: ['timeout', 'no answer from the DNS'],
  EBADRESP: ['error', 'the DNS server gave no answer that can be read'],
  EREFUSED: ['error', 'the DNS server refused the question'],
  ECONNREFUSED: ['error', 'no DNS server answers'],
}

/** Names of the results in the log line `DNS Error <domain> MX - <result>`. */
export const DNS_RESULT_NAMES: Readonly<Record<DnsResult, string>> = {
  nxdomain: 'NXDomain',
  nullmx: 'Null MX',
  servfail: 'ServFail',
  timeout: 'Timeout',
  error: 'Error',
  private: 'Private',
}

export function dnsFailure(domain: string, result: DnsResult, text: string): DnsFailure {
  return { kind: 'dns', domain, result, text: bounded(text, LIMITS.sentence) }
}

export function dnsFailureOf(domain: string, error: unknown): DnsFailure {
  const [result, text] = BY_CODE[errorCode(error) ?? ''] ?? ['error', 'the DNS look-up failed']
  return dnsFailure(domain, result, text)
}

/** The DNS has said that there is no such record; asking again brings nothing new. */
export function isFinal(error: unknown): boolean {
  return BY_CODE[errorCode(error) ?? '']?.[0] === 'nxdomain'
}
