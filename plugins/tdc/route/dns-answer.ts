import { decode, type DecodedPacket } from 'dns-packet'
import { isIP } from 'node:net'
import type { TlsaData } from '../smtp/tlsa'
import type { Exchange } from './dns-questions'

/** The data of the record types that are asked for. */
export interface RecordData {
  A: string
  AAAA: string
  CNAME: string
  MX: Exchange
  TLSA: TlsaData
}

export type RecordType = keyof RecordData

export interface DnsAnswer<T extends RecordType = RecordType> {
  /** Never empty. */
  readonly records: readonly RecordData[T][]
  /** Where the aliases of the question's name end; in lower case, without the final dot. */
  readonly canonical: string
  /** The resolver says that it is authentic: it, and all that led there (RFC 4035 section 3.2.3). */
  readonly secure: boolean
  /** Milliseconds: the shortest of its records. */
  readonly ttl: number
}

export type DnsReading<T extends RecordType> =
  | { kind: 'answer'; answer: DnsAnswer<T> }
  /** `code` as Node has it; ENODATA and ENOTFOUND are the DNS's own word that there is none. */
  | { kind: 'failed'; code: string }
  /** It must be asked again by TCP. */
  | { kind: 'truncated' }
  /** The server does not know EDNS (RFC 6891 section 7). */
  | { kind: 'no-edns' }
  /** Not the answer to this question, whoever sent it. */
  | { kind: 'stray' }

export interface DnsQuestion<T extends RecordType> {
  readonly id: number
  readonly name: string
  readonly type: T
}

/** Aliases that are followed, as many as resolvers do. */
const MOST_ALIASES = 16

/** RFC 1035 section 4.1.1, RFC 6895 section 2.3. */
const RCODES = 0x000f
const CODES: ReadonlyMap<number, string> = new Map([
  [2, 'ESERVFAIL'],
  [3, 'ENOTFOUND'],
  [5, 'EREFUSED'],
])
const [NO_ERROR, FORMAT_ERROR, NOT_IMPLEMENTED] = [0, 1, 4]

/** What some octets say about a question. Never throws, whatever they are. */
export function readAnswer<T extends RecordType>(
  octets: Buffer,
  question: DnsQuestion<T>,
): DnsReading<T> {
  let packet: DecodedPacket
  try {
    packet = decode(octets)
  } catch {
    // Of the right question or not, nobody can tell; the right one may still come.
    return { kind: 'stray' }
  }
  const flags = packet.flags ?? 0
  const rcode = flags & RCODES
  if (!packet.flag_qr || packet.id !== question.id) return { kind: 'stray' }
  if (isRefusalOfEdns(rcode)) return { kind: 'no-edns' }
  const [asked, another] = packet.questions ?? []
  if (
    !asked ||
    another ||
    asked.type !== question.type ||
    plain(asked.name) !== plain(question.name)
  )
    return { kind: 'stray' }
  if (packet.flag_tc) return { kind: 'truncated' }
  if (rcode !== NO_ERROR) return { kind: 'failed', code: CODES.get(rcode) ?? 'EBADRESP' }
  return follow(packet, question)
}

/** Some servers send it without the question. */
function isRefusalOfEdns(rcode: number): boolean {
  return rcode === FORMAT_ERROR || rcode === NOT_IMPLEMENTED
}

/** From the name that was asked for over its aliases to the records. */
function follow<T extends RecordType>(
  packet: DecodedPacket,
  { name, type }: DnsQuestion<T>,
): DnsReading<T> {
  const found = ((packet.answers ?? []) as readonly Found[]).filter(isInternet)
  let canonical = plain(name)
  let ttl = Infinity
  for (let aliases = 0; aliases <= MOST_ALIASES; aliases++) {
    const here = found.filter((record) => plain(record.name) === canonical)
    const wanted = here.filter((record) => record.type === type)
    const records = wanted.flatMap((record) => dataOf(type, record.data) ?? [])
    if (wanted.length > 0) {
      // A record that cannot be read is none; were it left out, the rest would be another answer.
      if (records.length < wanted.length) return { kind: 'failed', code: 'EBADRESP' }
      ttl = Math.min(ttl, ...wanted.map((record) => record.ttl ?? 0))
      const answer = { records, canonical, secure: packet.flag_ad, ttl: ttl * 1000 }
      return { kind: 'answer', answer }
    }
    const alias = here.find((record) => record.type === 'CNAME')
    if (!alias || typeof alias.data !== 'string') return { kind: 'failed', code: 'ENODATA' }
    canonical = plain(alias.data)
    ttl = Math.min(ttl, alias.ttl ?? 0)
  }
  return { kind: 'failed', code: 'EBADRESP' }
}

interface Found {
  readonly name: string
  readonly type: string
  readonly class?: unknown
  readonly ttl?: number
  readonly data?: unknown
}

/** Of the OPT record the fields mean something else. */
function isInternet(record: Found): boolean {
  return record.type !== 'OPT' && record.class === 'IN'
}

/** The data of one record, as the library gives it; undefined: it is not what it should be. */
function dataOf<T extends RecordType>(type: T, data: unknown): RecordData[T] | undefined {
  return READERS[type](data)
}

const READERS: { readonly [T in RecordType]: (data: unknown) => RecordData[T] | undefined } = {
  A: (data) => (typeof data === 'string' && isIP(data) === 4 ? data : undefined),
  AAAA: (data) => (typeof data === 'string' && isIP(data) === 6 ? data : undefined),
  CNAME: (data) => (typeof data === 'string' ? plain(data) : undefined),
  MX: (data) => {
    const { exchange, preference } = data as { exchange?: unknown; preference?: unknown }
    if (typeof exchange !== 'string' || typeof preference !== 'number') return undefined
    return { exchange: plain(exchange), priority: preference }
  },
  TLSA: (data) => {
    const { usage, selector, matchingType, certificate } = data as Record<string, unknown>
    if (typeof usage !== 'number' || typeof selector !== 'number') return undefined
    if (typeof matchingType !== 'number' || !Buffer.isBuffer(certificate)) return undefined
    return { usage, selector, matching: matchingType, data: Buffer.from(certificate) }
  },
}

/** Names are compared without case (RFC 4343) and without the final dot; '' is the root. */
function plain(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}
