import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  type Extension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { webcrypto } from 'node:crypto'

/** ECDSA on P-256: a key takes well under a millisecond, so each test has its own. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** For servers with what OpenSSL refuses at its own security level: TLS 1.1, short keys, SHA-1. */
export const WEAK_CIPHERS = 'DEFAULT@SECLEVEL=0'

const HOUR = 3_600_000
/** Far from the days before its end in which a certificate is warned of. */
const QUARTER = 90 * 24 * HOUR

export interface KeyAndCertificate {
  /** PEM, PKCS #8. */
  readonly key: string
  /** PEM. */
  readonly cert: string
}

export interface IssueOptions {
  /** DNS names; none and no `ips`: a certificate without any subject alternative name. */
  readonly names?: readonly string[]
  readonly ips?: readonly string[]
  /** Distinguished name. Default: CN with the first of the names. */
  readonly subject?: string
  /** Default: an hour ago. */
  readonly notBefore?: Date
  /** Default: in 90 days. */
  readonly notAfter?: Date
  /** It is a client's. Default: a server's. */
  readonly client?: true
  /** Bits of an RSA key in place of the key on P-256. */
  readonly rsa?: number
  /** With which the authority signs. Default SHA-256. */
  readonly hash?: 'SHA-1' | 'SHA-256'
}

export interface Authority {
  /** The root in PEM, for `tls.ca`. */
  readonly caPem: string
  issue(options: IssueOptions): Promise<KeyAndCertificate>
  /** One that this one vouches for. */
  below(options?: IssueOptions): Promise<Authority>
}

/** A root of its own: what one authority issued is unknown to another's `caPem`. */
export async function createAuthority(name = 'Test Root'): Promise<Authority> {
  const keys = await newKeys()
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity({}),
    extensions: authorityExtensions(),
  })
  return authorityOf(root, keys)
}

function authorityOf(own: X509Certificate, keys: webcrypto.CryptoKeyPair): Authority {
  const create = (
    options: IssueOptions,
    publicKey: webcrypto.CryptoKey,
    extensions: ReturnType<typeof authorityExtensions>,
  ) =>
    X509CertificateGenerator.create({
      issuer: own.subject,
      subject: subject(options),
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: { ...ALGORITHM, hash: options.hash ?? ALGORITHM.hash },
      ...validity(options),
      extensions,
    })
  return {
    caPem: own.toString('pem'),
    async issue(options) {
      const leaf = await newKeys(options.rsa)
      const certificate = await create(options, leaf.publicKey, leafExtensions(options))
      return { key: await privatePem(leaf), cert: certificate.toString('pem') }
    },
    async below(options = {}) {
      const next = await newKeys()
      const named = { subject: 'CN=Test Intermediate', ...options }
      return authorityOf(await create(named, next.publicKey, authorityExtensions()), next)
    },
  }
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]
}

/** A server certificate that nobody signed but itself. */
export async function selfSigned(options: IssueOptions): Promise<KeyAndCertificate> {
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: subject(options),
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(options),
    extensions: leafExtensions(options),
  })
  return { key: await privatePem(keys), cert: certificate.toString('pem') }
}

function newKeys(rsa?: number): Promise<webcrypto.CryptoKeyPair> {
  const algorithm =
    rsa === undefined
      ? ALGORITHM
      : {
          name: 'RSASSA-PKCS1-v1_5',
          modulusLength: rsa,
          publicExponent: Uint8Array.of(1, 0, 1),
          hash: 'SHA-256',
        }
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function privatePem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    PemConverter.PrivateKeyTag,
  )
}

function validity(options: IssueOptions): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: options.notBefore ?? new Date(Date.now() - HOUR),
    notAfter: options.notAfter ?? new Date(Date.now() + QUARTER),
  }
}

function subject(options: IssueOptions): string {
  return options.subject ?? `CN=${options.names?.[0] ?? options.ips?.[0] ?? 'nobody'}`
}

function leafExtensions(options: IssueOptions) {
  const names: JsonGeneralNames = [
    ...(options.names ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([
      options.client ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
    ]),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ]
}
