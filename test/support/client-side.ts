/** A TLS record (RFC 8446 section 5.1): type, version, length, and what it carries. */
interface TlsRecord {
  readonly type: number
  readonly fragment: Buffer
}

/** What a client wrote, as a tap saw it. */
export interface ClientSide {
  /** Before TLS. */
  readonly plain: string
  readonly records: readonly TlsRecord[]
}

const HANDSHAKE = 22
/** change_cipher_spec, alert, handshake, application_data. */
const TYPES = [20, 21, HANDSHAKE, 23]
/** RFC 8446 section 5.2: with what encryption may add. */
const LONGEST_FRAGMENT = 2 ** 14 + 256
const RECORD_HEAD = 5
const STARTTLS = 'STARTTLS\r\n'

/**
 * Takes apart what a client of SMTP wrote: all behind STARTTLS must be TLS records, the last of
 * which may be cut off. Throws at any octet that is neither.
 */
export function clientSide(octets: Buffer): ClientSide {
  const at = octets.indexOf(STARTTLS)
  const end = at < 0 ? octets.length : at + STARTTLS.length
  const plain = octets.toString('latin1', 0, end)
  if (!/^(?:EHLO [^\r\n]+\r\n(?:STARTTLS\r\n)?)?$/.test(plain)) {
    throw new Error(`in plain text: ${JSON.stringify(plain)}`)
  }
  return { plain, records: recordsOf(octets.subarray(end)) }
}

function recordsOf(octets: Buffer): TlsRecord[] {
  const records: TlsRecord[] = []
  for (let at = 0; at + RECORD_HEAD <= octets.length;) {
    const type = octets[at] ?? 0
    const length = octets.readUInt16BE(at + 3)
    if (!TYPES.includes(type) || octets[at + 1] !== 3 || length > LONGEST_FRAGMENT) {
      const shown = JSON.stringify(octets.toString('latin1', at, at + 80))
      throw new Error(`no TLS record: ${shown}`)
    }
    at += RECORD_HEAD
    records.push({ type, fragment: octets.subarray(at, at + length) })
    at += length
  }
  return records
}

export interface ClientHello {
  readonly sessionId: string
  /** Type -> length of what it holds (IANA registry "TLS ExtensionType Values"). */
  readonly extensions: ReadonlyMap<number, number>
}

/** RFC 5077 section 3.2 (TLS 1.2) and RFC 8446 section 4.2.11: how a session is offered. */
export const SESSION_TICKET = 35
export const PRE_SHARED_KEY = 41

/** The ClientHello of RFC 8446 section 4.1.2, which stands in the first record. */
export function clientHello(records: readonly TlsRecord[]): ClientHello {
  const [first] = records
  if (first?.type !== HANDSHAKE) throw new Error('no ClientHello')
  const { fragment } = first
  // msg_type and length, legacy_version, random
  let at = 4 + 2 + 32
  const vector = (lengthOctets: number): Buffer => {
    const length = fragment.readUIntBE(at, lengthOctets)
    at += lengthOctets + length
    return fragment.subarray(at - length, at)
  }
  const sessionId = vector(1).toString('hex')
  vector(2) // cipher_suites
  vector(1) // legacy_compression_methods
  const extensions = new Map<number, number>()
  const end = at + 2 + fragment.readUInt16BE(at)
  at += 2
  while (at < end) {
    const type = fragment.readUInt16BE(at)
    at += 2
    extensions.set(type, vector(2).length)
  }
  return { sessionId, extensions }
}
