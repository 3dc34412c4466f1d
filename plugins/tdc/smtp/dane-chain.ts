import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { bounded, LIMITS } from '../base/text'
import { certificateParts } from './certificate-der'
import { matches, type Tlsa, tlsaText } from './tlsa'
import { type TlsFailure, tlsFailure } from './tls-failure'

/** What the certificate of one host must satisfy by DANE (RFC 7672). */
export interface DaneDemand {
  /** The name that the records stand under: the name in SNI (section 8.1), and one of `names`. */
  readonly base: string
  /** At least one. */
  readonly records: readonly Tlsa[]
  /** Names one of which a certificate under a trust anchor must have (section 3.2.2). */
  readonly names: readonly string[]
}

/** Certificates that a server may send; OpenSSL itself reads ten below the root. */
const LONGEST_CHAIN = 10

/** 112 bits, as security level 2 of OpenSSL demands it of chains that it verifies itself. */
const SHORTEST_RSA = 2048
/** DER of the object identifiers of RSA and ECDSA with MD5 or SHA-1 (RFC 3279 section 2.2). */
const WEAK_SIGNATURES: readonly string[] = [
  '2a864886f70d010104',
  '2a864886f70d010105',
  '2a8648ce3d0401',
]

/** Why the certificates of a session do not satisfy; undefined: they do. */
export function daneProblem(
  chain: readonly X509Certificate[],
  demand: DaneDemand,
  now: number,
): TlsFailure | undefined {
  const [leaf, ...issuers] = chain
  if (!leaf) return tlsFailure('certificate-not-trusted', 'there is no certificate')
  // RFC 7672 section 3.1.1: of DANE-EE neither names nor dates nor issuers count.
  const ends = demand.records.filter(({ usage }) => usage === 'end-entity')
  if (ends.some((record) => matches(record, leaf))) return undefined
  const anchors = demand.records.filter(({ usage }) => usage === 'trust-anchor')
  if (anchors.length === 0) return noMatch(demand)
  return anchorProblem(leaf, [...issuers, ...sentByDns(anchors)], anchors, demand, now)
}

/** A trust anchor in full need not be sent by the server (RFC 7671 section 5.2.2). */
function sentByDns(anchors: readonly Tlsa[]): X509Certificate[] {
  return anchors
    .filter(({ selector, matching }) => selector === 'certificate' && matching === 'exact')
    .map(({ data }) => new X509Certificate(data))
}

/** RFC 7671 section 5.2: from the server's certificate up to one that a record is of, and its name. */
function anchorProblem(
  leaf: X509Certificate,
  issuers: readonly X509Certificate[],
  anchors: readonly Tlsa[],
  demand: DaneDemand,
  now: number,
): TlsFailure | undefined {
  const problem = certificateProblem(leaf, false, now)
  if (problem) return problem
  const path = pathProblem(leaf, issuers, anchors, now)
  if (path !== undefined) return path === 'none' ? noMatch(demand) : path
  if (demand.names.some((name) => leaf.checkHost(name) !== undefined)) return undefined
  const names = bounded(leaf.subjectAltName ?? 'none', LIMITS.certificate)
  return tlsFailure('certificate-host-mismatch', `the certificate names other hosts: ${names}`)
}

/**
 * Each certificate is looked at once, however they sign each other. `none`: there is no anchor; a
 * failure: there is one, but what leads to it is not good; undefined: all is well.
 */
function pathProblem(
  leaf: X509Certificate,
  issuers: readonly X509Certificate[],
  anchors: readonly Tlsa[],
  now: number,
): TlsFailure | 'none' | undefined {
  const reached = new Set([leaf])
  let problem: TlsFailure | undefined
  // What is added while the loop runs has its turn, too.
  for (const certificate of reached) {
    for (const issuer of issuers) {
      if (reached.has(issuer) || !hasIssued(issuer, certificate)) continue
      const isAnchor = anchors.some((record) => matches(record, issuer))
      const found = certificateProblem(issuer, isAnchor, now)
      if (isAnchor && !found) return undefined
      problem ??= found
      if (!found) reached.add(issuer)
    }
  }
  return problem ?? 'none'
}

/** Name and key identifier, that it may sign certificates (`ca`, keyCertSign), and the signature. */
function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function certificateProblem(
  certificate: X509Certificate,
  isAnchor: boolean,
  now: number,
): TlsFailure | undefined {
  if (now > Date.parse(certificate.validTo)) {
    return tlsFailure('certificate-expired', 'a certificate has expired')
  }
  if (!(now >= Date.parse(certificate.validFrom))) {
    return tlsFailure('validation-failure', 'a certificate is not yet valid')
  }
  const { modulusLength = SHORTEST_RSA } = certificate.publicKey.asymmetricKeyDetails ?? {}
  if (modulusLength < SHORTEST_RSA) {
    return tlsFailure('certificate-not-trusted', 'a certificate has a key that is too weak')
  }
  // Nobody asks how the anchor itself is signed: the DNS vouches for it.
  if (isAnchor || !WEAK_SIGNATURES.includes(certificateParts(certificate.raw).signature)) {
    return undefined
  }
  return tlsFailure('certificate-not-trusted', 'a certificate is signed with a digest too weak')
}

/** RFC 8460 section 4.3.2.1: none of the records was found to be valid. */
function noMatch({ base, records }: DaneDemand): TlsFailure {
  const text = `no certificate of the server is that of the TLSA records of ${base}`
  return tlsFailure('tlsa-invalid', `${text} (${records.map(tlsaText).join(', ')})`)
}

/**
 * What the server sent, in its order, its own certificate first; no longer than OpenSSL reads. To be asked
 * once for a session: up to Node 24 getPeerX509Certificate takes the list out of OpenSSL's hands, and the next
 * call gives nothing. `issuerCertificate` is the next one sent, whoever issued it.
 */
export function chainOf(tls: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  let next = tls.getPeerX509Certificate()
  while (next && chain.length <= LONGEST_CHAIN) {
    chain.push(next)
    next = next.issuerCertificate
  }
  return chain
}
