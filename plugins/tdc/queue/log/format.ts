import { crc32c } from './crc32c'

/** Octets of a segment's file, from its making on (docs/log-format.md). */
export const SEGMENT_SIZE = 4 * 2 ** 20

/** Names of logs, `PID.TOKEN` or `free.PID.TOKEN`, and of the segments in them. */
export const LOG_NAME = /^(?<free>free\.)?(?<pid>\d{1,15})\.[0-9a-f]{8,32}$/
export const SEGMENT_NAME = /^\d{1,15}\.log$/

/** Of a head, in octets: kind 4, generation 8, CRC 4. */
export const GENERATION_SIZE = 8
const [HEAD_GENERATION_AT, HEAD_CRC_AT, HEAD_SIZE] = [4, 12, 16]

/** What is damaged together, in octets: each head has a block of its own, far from the other. */
const BLOCK = 4096

/** The marks of ended copies, one for each record that a segment can have. */
export const MOST_RECORDS = 4096
export const MARK_SIZE = 8
export const MARKS_AT = BLOCK
const MARKS_END = MARKS_AT + MOST_RECORDS * MARK_SIZE

/** Where the heads are. The one in front is written first, so that it counts when both are sound. */
export const HEADS_AT = [0, MARKS_END] as const

/** Where the records begin. */
export const RECORDS_AT = MARKS_END + BLOCK

/** `TDCs`: a segment's head. */
const SEGMENT = 0x54444373

/** `TDCc`: the kind of record that there is, a copy. */
const COPY = 0x54444363

/** Of a record, in octets: kind 4, length of the content 4, generation 8, index 2, length of the name 2, CRC 4. */
const HEADER_SIZE = 24
const [LENGTH_AT, GENERATION_AT, INDEX_AT, NAME_LENGTH_AT, CRC_AT] = [4, 8, 16, 18, 20]

/** The head of a segment in one of its uses. */
export function headOf(generation: Buffer): Buffer {
  const head = Buffer.allocUnsafe(HEAD_SIZE)
  head.writeUInt32BE(SEGMENT, 0)
  generation.copy(head, HEAD_GENERATION_AT)
  head.writeUInt32BE(crc32c(head.subarray(0, HEAD_CRC_AT)), HEAD_CRC_AT)
  return head
}

/** The octets of a new segment: heads, and zeros. */
export function newSegment(generation: Buffer, size: number): Buffer {
  const octets = Buffer.alloc(size)
  for (const at of HEADS_AT) headOf(generation).copy(octets, at)
  return octets
}

/** A copy as a record has it. */
export interface LoggedRecord {
  /** Of its queue file, when it gets one. */
  readonly name: string
  /** Of that file. */
  readonly content: Buffer
}

/** Octets that a record takes. */
export function recordSize({ name, content }: LoggedRecord): number {
  return HEADER_SIZE + name.length + content.length
}

/** The octets of the record at a place, in their order. */
export function recordOf(
  { name, content }: LoggedRecord,
  generation: Buffer,
  index: number,
  place: number,
): Buffer[] {
  const head = Buffer.allocUnsafe(HEADER_SIZE + name.length)
  head.writeUInt32BE(COPY, 0)
  head.writeUInt32BE(content.length, LENGTH_AT)
  generation.copy(head, GENERATION_AT)
  head.writeUInt16BE(index, INDEX_AT)
  head.writeUInt16BE(name.length, NAME_LENGTH_AT)
  head.write(name, HEADER_SIZE, 'latin1')
  head.writeUInt32BE(checksum(head, content, place), CRC_AT)
  return [head, content]
}

/** Of all but the CRC itself, and of the place: a record is none anywhere else. */
function checksum(head: Buffer, content: Buffer, place: number): number {
  const octets = Buffer.allocUnsafe(4)
  octets.writeUInt32BE(place)
  const front = crc32c(head.subarray(0, CRC_AT), crc32c(octets))
  return crc32c(content, crc32c(head.subarray(HEADER_SIZE), front))
}

/** That the copy with this index has ended. */
export function markOf(generation: Buffer, index: number): Buffer {
  const mark = Buffer.allocUnsafe(MARK_SIZE)
  mark.writeUInt32BE(index, 0)
  mark.writeUInt32BE(crc32c(mark.subarray(0, 4), crc32c(generation)), 4)
  return mark
}

/** What is read from a segment's file. */
export interface SegmentContent {
  /** The copies that have not ended. */
  readonly copies: readonly LoggedRecord[]
  /** Sound records stand behind octets that are none, or both heads are lost: so may copies be. */
  readonly damaged: boolean
}

interface Found extends LoggedRecord {
  readonly index: number
  readonly end: number
}

/** Octets whose checksums are made for one segment: many times what an honest one needs, and no standstill. */
const MOST_SUMMED = 32 * SEGMENT_SIZE

/**
 * Reads whatever a segment's file holds, and throws at nothing. What follows the last record is zeros, of an
 * earlier generation, or a record that was not written to its end; it does no harm.
 */
export function readSegment(bytes: Buffer): SegmentContent {
  const generation = generationIn(bytes)
  // What was not made to its end has no head, and nothing else.
  if (!generation) return { copies: [], damaged: !bytes.equals(Buffer.alloc(bytes.length)) }
  const reader = new SegmentReader(bytes, generation)
  const copies: LoggedRecord[] = []
  let damaged = false
  let end = RECORDS_AT
  for (let found = reader.next(end); found; found = reader.next(end)) {
    damaged ||= found.end - recordSize(found) !== end
    if (!hasEnded(bytes, generation, found.index)) {
      copies.push({ name: found.name, content: found.content })
    }
    end = found.end
  }
  return { copies, damaged: damaged || reader.isTired }
}

/** Of the heads alone: no octet of a mail is ever written where they are. */
function generationIn(bytes: Buffer): Buffer | undefined {
  const heads = HEADS_AT.map((at) => bytes.subarray(at, at + HEAD_SIZE))
  const generations = heads.map((head) => head.subarray(HEAD_GENERATION_AT, HEAD_CRC_AT))
  return generations.find((generation, i) => heads[i]?.equals(headOf(generation)))
}

class SegmentReader {
  private index = -1
  private left = MOST_SUMMED

  constructor(
    private readonly bytes: Buffer,
    private readonly generation: Buffer,
  ) {}

  /** There may be more, but finding it would take too long. */
  get isTired(): boolean {
    return this.left <= 0
  }

  /** The first sound record from `at` on. Behind what is none the next one is found by its generation. */
  next(at: number): Found | undefined {
    let found = this.recordAt(at)
    while (!found && !this.isTired && (at = this.placeBehind(at)) >= 0) found = this.recordAt(at)
    this.index = found?.index ?? this.index
    return found
  }

  /** Negative: there is none. */
  private placeBehind(at: number): number {
    return this.bytes.indexOf(this.generation, at + 1 + GENERATION_AT) - GENERATION_AT
  }

  private recordAt(at: number): Found | undefined {
    const { bytes } = this
    if (at + HEADER_SIZE > bytes.length || bytes.readUInt32BE(at) !== COPY) return undefined
    const generation = bytes.subarray(at + GENERATION_AT, at + GENERATION_AT + GENERATION_SIZE)
    if (!generation.equals(this.generation)) return undefined
    const index = bytes.readUInt16BE(at + INDEX_AT)
    const start = at + HEADER_SIZE + bytes.readUInt16BE(at + NAME_LENGTH_AT)
    const end = start + bytes.readUInt32BE(at + LENGTH_AT)
    if (end > bytes.length || index <= this.index || index >= MOST_RECORDS) return undefined
    this.left -= end - at
    const [head, content] = [bytes.subarray(at, start), bytes.subarray(start, end)]
    if (bytes.readUInt32BE(at + CRC_AT) !== checksum(head, content, at)) return undefined
    const name = head.toString('latin1', HEADER_SIZE)
    return { name, content, index, end }
  }
}

function hasEnded(bytes: Buffer, generation: Buffer, index: number): boolean {
  const at = MARKS_AT + index * MARK_SIZE
  return bytes.subarray(at, at + MARK_SIZE).equals(markOf(generation, index))
}
