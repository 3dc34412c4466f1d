import { X509Certificate } from 'node:crypto'
import { shown } from './problems'
import type { Problems } from './problems'
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
