/**
 * Octets of a certificate (RFC 5280 section 4.1) that Node does not show as they are: what it exports of a
 * public key is written anew, and Node 20 does not tell how a certificate is signed.
 */
export interface CertificateParts {
  /** SubjectPublicKeyInfo, octet for octet. */
  readonly publicKey: Buffer
  /** Object identifier of the signature's algorithm, in hex without tag and length. */
  readonly signature: string
}

/** Of DER (X.690 section 8.1.3): a length that is not below 0x80 says in how many octets it follows. */
const LONG_FORM = 0x80
const MOST_LENGTH_OCTETS = 4
/** The context-specific tag 0, constructed: the version, which may be left out. */
const VERSION = 0xa0
/** Between the version and the key: serial number, signature, issuer, validity, subject. */
const FIELDS_BEFORE_KEY = 5

/** Throws where it is no certificate; OpenSSL has read those that come from a handshake. */
export function certificateParts(der: Buffer): CertificateParts {
  const [tbs, algorithm] = elementsOf(contentOf(der))
  const fields = elementsOf(contentOf(element(tbs)))
  const [first] = fields
  const key = fields[FIELDS_BEFORE_KEY + (element(first)[0] === VERSION ? 1 : 0)]
  const [oid] = elementsOf(contentOf(element(algorithm)))
  return { publicKey: element(key), signature: contentOf(element(oid)).toString('hex') }
}

function element(found: Buffer | undefined): Buffer {
  if (!found || found.length < 2) throw new Error('not a certificate')
  return found
}

/** The elements that stand one behind the other, each with its tag and length. */
function elementsOf(content: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < content.length;) {
    const { end } = measure(content, at)
    found.push(content.subarray(at, end))
    at = end
  }
  return found
}

function contentOf(der: Buffer): Buffer {
  const { start, end } = measure(der, 0)
  return der.subarray(start, end)
}

function measure(der: Buffer, at: number): { start: number; end: number } {
  const short = der[at + 1] ?? NaN
  const octets = short < LONG_FORM ? 0 : short - LONG_FORM
  const start = at + 2 + octets
  if (octets > MOST_LENGTH_OCTETS || start > der.length) throw new Error('not a certificate')
  const end = start + (octets === 0 ? short : der.readUIntBE(at + 2, octets))
  if (!(end <= der.length)) throw new Error('not a certificate')
  return { start, end }
}
