import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { certificateParts } from './certificate-der'

/** A TLSA record as the DNS has it (RFC 6698 section 2.1). */
export interface TlsaData {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  readonly data: Buffer
}

/** A record that a client of SMTP can use (RFC 7672 section 3.1). */
export interface Tlsa {
  readonly usage: 'trust-anchor' | 'end-entity'
  readonly selector: 'certificate' | 'key'
  readonly matching: Matching
  readonly data: Buffer
}

type Matching = 'exact' | 'sha256' | 'sha512'

/**
 * RFC 7672 section 3.1: of the usages only DANE-TA(2) and DANE-EE(3). PKIX-TA(0) and PKIX-EE(1) would
 * need roots that both sides agree on, and are unusable (section 3.1.3).
 */
const USAGES: ReadonlyMap<number, Tlsa['usage']> = new Map([
  [2, 'trust-anchor'],
  [3, 'end-entity'],
])
/** RFC 6698 sections 2.1.2 and 2.1.3. */
const SELECTORS: ReadonlyMap<number, Tlsa['selector']> = new Map([
  [0, 'certificate'],
  [1, 'key'],
])
const MATCHINGS: ReadonlyMap<number, Matching> = new Map([
  [0, 'exact'],
  [1, 'sha256'],
  [2, 'sha512'],
])
const DIGEST_OCTETS = { sha256: 32, sha512: 64 } as const

/** Those of some records that can be used; the others are as if they were not there. */
export function usableOf(records: readonly TlsaData[]): readonly Tlsa[] {
  return withoutWeaker(records.flatMap((record) => usable(record) ?? []))
}

function usable({ usage, selector, matching, data }: TlsaData): Tlsa | undefined {
  const found = {
    usage: USAGES.get(usage),
    selector: SELECTORS.get(selector),
    matching: MATCHINGS.get(matching),
  }
  if (!found.usage || !found.selector || !found.matching) return undefined
  const tlsa = { ...found, data } as Tlsa
  return isWellFormed(tlsa) ? tlsa : undefined
}

/** RFC 7671 section 4: a record with malformed data is unusable, too. */
function isWellFormed({ selector, matching, data }: Tlsa): boolean {
  if (matching !== 'exact') return data.length === DIGEST_OCTETS[matching]
  try {
    if (selector === 'certificate') return new X509Certificate(data).raw.equals(data)
    return createPublicKey({ key: data, format: 'der', type: 'spki' }).type === 'public'
  } catch {
    return false
  }
}

/** RFC 7671 section 9: beside SHA-512 the SHA-256 of the same usage and selector does not count. */
function withoutWeaker(records: readonly Tlsa[]): readonly Tlsa[] {
  const isStronger = (a: Tlsa, b: Tlsa): boolean =>
    a.usage === b.usage && a.selector === b.selector && a.matching === 'sha512'
  return records.filter(
    (record) => record.matching !== 'sha256' || !records.some((each) => isStronger(each, record)),
  )
}

/** Whether a record is of this certificate. */
export function matches({ selector, matching, data }: Tlsa, certificate: X509Certificate): boolean {
  const { raw } = certificate
  const octets = selector === 'certificate' ? raw : certificateParts(raw).publicKey
  const found = matching === 'exact' ? octets : createHash(matching).update(octets).digest()
  return found.equals(data)
}

/** `3 1 1`, as the record begins in a zone file. */
export function tlsaText({ usage, selector, matching }: Tlsa): string {
  const of = <T>(names: ReadonlyMap<number, T>, name: T): number =>
    [...names].find(([, each]) => each === name)?.[0] ?? NaN
  return [of(USAGES, usage), of(SELECTORS, selector), of(MATCHINGS, matching)].join(' ')
}
