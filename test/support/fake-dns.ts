import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

/** What a name has; a type that is missing is answered with no data. */
export interface FakeRecords {
  readonly mx?: readonly (readonly [preference: number, exchange: string])[]
  readonly a?: readonly string[]
  readonly aaaa?: readonly string[]
  readonly txt?: readonly string[]
  /** Seconds, by type. Default 0: nobody keeps the answer. */
  readonly ttl?: Partial<Record<FakeType, number>>
  /** Types that fail in place of being answered. */
  readonly fail?: Partial<Record<FakeType, FakeTrouble>>
}

export type FakeType = 'MX' | 'A' | 'AAAA' | 'TXT'

/** `SILENT` never answers. */
export type FakeTrouble = 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'SILENT'

/** Names in lower case, without the final dot. A name that is not here does not exist. */
export type FakeZone = Readonly<Record<string, FakeRecords | FakeTrouble>>

/** The null MX of RFC 7505: a single record whose exchange is the root. */
export const NULL_MX: FakeRecords = { mx: [[0, '.']] }

/** RFC 1035 section 3.2.2 and RFC 3596 section 2.1. */
const TYPES: ReadonlyMap<number, FakeType> = new Map([
  [1, 'A'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
])

/** RFC 1035 section 4.1.1. */
const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 }

const HEADER_LENGTH = 12
const RESPONSE_FLAGS = 0x8580
const CLASS_IN = 1
/** A pointer to the name of the question (RFC 1035 section 4.1.4). */
const QUESTION_NAME = Buffer.from([0xc0, HEADER_LENGTH])

interface Question {
  readonly name: string
  readonly type: number
  /** The question section as it came, to be sent back. */
  readonly octets: Buffer
}

/** A DNS server on the loopback, over UDP, that answers from a table. */
export class FakeDns {
  /** Every question so far, such as `MX example.com`. */
  readonly questions: string[] = []

  private constructor(
    private readonly socket: Socket,
    public zone: FakeZone,
  ) {
    socket.on('message', (message, from) => this.answer(message, from))
  }

  static async start(zone: FakeZone): Promise<FakeDns> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new FakeDns(socket, zone)
  }

  /** For `Resolver.setServers`. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()))
  }

  private answer(message: Buffer, from: RemoteInfo): void {
    const question = readQuestion(message)
    const type = TYPES.get(question.type)
    this.questions.push(`${type ?? question.type} ${question.name}`)
    const entry = this.zone[question.name] ?? 'NXDOMAIN'
    const trouble = typeof entry === 'string' ? entry : type && entry.fail?.[type]
    if (trouble === 'SILENT') return
    const data = trouble || typeof entry === 'string' || !type ? [] : dataOf(entry, type)
    const ttl = typeof entry === 'string' || !type ? 0 : (entry.ttl?.[type] ?? 0)
    const reply = response(message, question, RCODES[trouble ?? 'NOERROR'], data, ttl)
    this.socket.send(reply, from.port, from.address)
  }
}

function readQuestion(message: Buffer): Question {
  const labels: string[] = []
  let at = HEADER_LENGTH
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const end = at + 5
  return {
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at + 1),
    octets: message.subarray(HEADER_LENGTH, end),
  }
}

function response(
  query: Buffer,
  question: Question,
  rcode: number,
  data: Buffer[],
  ttl: number,
): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(RESPONSE_FLAGS | rcode, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(data.length, 6)
  const answers = data.map((rdata) => {
    const fixed = Buffer.alloc(10)
    fixed.writeUInt16BE(question.type, 0)
    fixed.writeUInt16BE(CLASS_IN, 2)
    fixed.writeUInt32BE(ttl, 4)
    fixed.writeUInt16BE(rdata.length, 8)
    return Buffer.concat([QUESTION_NAME, fixed, rdata])
  })
  return Buffer.concat([header, question.octets, ...answers])
}

function dataOf(records: FakeRecords, type: FakeType): Buffer[] {
  switch (type) {
    case 'MX':
      return (records.mx ?? []).map(([preference, exchange]) =>
        Buffer.concat([Buffer.of(preference >> 8, preference & 0xff), nameOctets(exchange)]),
      )
    case 'A':
      return (records.a ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
    case 'AAAA':
      return (records.aaaa ?? []).map(addressOctets)
    case 'TXT':
      return (records.txt ?? []).map((text) =>
        Buffer.concat([Buffer.of(text.length), Buffer.from(text)]),
      )
  }
}

function nameOctets(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  const parts = labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([...parts, Buffer.of(0)])
}

/** Of an IPv6 address, with at most one `::` and without an IPv4 tail. */
function addressOctets(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const front = head.split(':').filter(Boolean)
  const back = (tail ?? '').split(':').filter(Boolean)
  const gap = Array<string>(8 - front.length - back.length).fill('0')
  const words = tail === undefined ? front : [...front, ...gap, ...back]
  const octets = Buffer.alloc(16)
  words.forEach((word, at) => octets.writeUInt16BE(parseInt(word, 16), at * 2))
  return octets
}
