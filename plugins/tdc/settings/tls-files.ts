import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { type Problems, shown } from './problems'
import type { SettingsSource } from './source'

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * The text of [tls] ca_file. Each certificate is parsed here, because Node leaves out those that it
 * cannot read and every handshake would fail later.
 */
export function readTrustedRoots(
  readFile: SettingsSource['readFile'],
  file: string | undefined,
  problems: Problems,
): string | undefined {
  if (file === undefined) return undefined
  const place = { section: 'tls', key: 'ca_file', value: file }
  const found = readFile(file)
  if (found.kind === 'unreadable') {
    problems.refuse(place, `the file cannot be read: ${shown(found.why)}`)
    return undefined
  }
  const certificates = found.text.match(PEM) ?? []
  if (certificates.length === 0) problems.refuse(place, 'no PEM certificate is in the file')
  certificates.forEach((pem, index) => {
    if (!isCertificate(pem)) problems.refuse(place, `certificate ${index + 1} cannot be parsed`)
  })
  return found.text
}

function isCertificate(pem: string): boolean {
  try {
    return Boolean(new X509Certificate(pem))
  } catch {
    return false
  }
}

interface Files {
  readonly clientCertificate: string | undefined
  readonly clientKey: string | undefined
}

/** OpenSSL's, as for the intake's certificates: with keys that are too short no handshake would begin. */
const LEVEL = 'DEFAULT:@SECLEVEL=2'

/**
 * The texts of [tls] client_certificate and client_key. What is wrong with them is said here, for later it
 * would keep every connection from being opened. Nothing of the key's file is ever repeated.
 */
export function readClientCertificate(
  readFile: SettingsSource['readFile'],
  { clientCertificate, clientKey }: Files,
  problems: Problems,
): { cert: string; key: string } | undefined {
  if (clientCertificate === undefined && clientKey === undefined) return undefined
  const place = { section: 'tls', key: 'client_certificate', value: clientCertificate }
  const keyPlace = { section: 'tls', key: 'client_key', value: clientKey }
  if (clientCertificate === undefined || clientKey === undefined) {
    const [set, other] = clientKey === undefined ? [place, 'client_key'] : [keyPlace, place.key]
    problems.refuse(set, `needs [tls] ${other} too`)
    return undefined
  }
  const [cert, key] = [readFile(clientCertificate), readFile(clientKey)]
  if (cert.kind === 'unreadable') problems.refuse(place, unreadable(cert.why))
  if (key.kind === 'unreadable') problems.refuse(keyPlace, unreadable(key.why))
  if (cert.kind === 'unreadable' || key.kind === 'unreadable') return undefined
  const certificate = parsed(() => new X509Certificate(cert.text))
  const privateKey = parsed(() => createPrivateKey(key.text))
  if (!certificate) problems.refuse(place, 'no PEM certificate that can be parsed is in the file')
  if (!privateKey) {
    const encrypted = key.text.includes('ENCRYPTED')
    const why = encrypted ? 'the key is encrypted' : 'no PEM key that can be parsed is in the file'
    problems.refuse(keyPlace, why)
  }
  if (!certificate || !privateKey) return undefined
  if (!certificate.checkPrivateKey(privateKey)) {
    problems.refuse(keyPlace, 'is not the key of the first certificate in client_certificate')
    return undefined
  }
  const pair = { cert: cert.text, key: key.text }
  try {
    createSecureContext({ ...pair, ciphers: LEVEL })
    return pair
  } catch (error) {
    const { reason } = error as { readonly reason?: unknown }
    problems.refuse(place, `OpenSSL refuses it: ${shown(String(reason ?? 'it does not say why'))}`)
    return undefined
  }
}

function unreadable(why: string): string {
  return `the file cannot be read: ${shown(why)}`
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
