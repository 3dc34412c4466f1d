import { crc32c } from './crc32c'

/** Octets of a segment's file, from its making on (docs/log-format.md). */
export const SEGMENT_SIZE = 4 * 2 ** 20

/** Names of logs, `PID.TOKEN` or `free.PID.TOKEN`, and of the segments in them. */
export const LOG_NAME = /^(?<free>free\.)?(?<pid>\d{1,15})\.[0-9a-f]{8,32}$/
export const SEGMENT_NAME = /^\d{1,15}\.log$/

/** A segment begins with the marks of ended copies, one for each record that it can have. */
export const MOST_RECORDS = 4096
export const MARK_SIZE = 8

/** Where the records begin. */
export const RECORDS_AT = MOST_RECORDS * MARK_SIZE

/** Octets that tell one use of a segment from those before it, and that no sender can guess. */
export const GENERATION_SIZE = 8

/** `TDCc`: the kind of record that there is, a copy. */
const COPY = 0x54444363
const COPY_OCTETS = Buffer.from('TDCc')

/** Of a record, in octets: kind 4, length of the content 4, generation 8, index 2, length of the name 2, CRC 4. */
const HEADER_SIZE = 24
const [LENGTH_AT, GENERATION_AT, INDEX_AT, NAME_LENGTH_AT, CRC_AT] = [4, 8, 16, 18, 20]

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

/** The octets of a record, in their order. */
export function recordOf(
  { name, content }: LoggedRecord,
  generation: Buffer,
  index: number,
): Buffer[] {
  const head = Buffer.allocUnsafe(HEADER_SIZE + name.length)
  head.writeUInt32BE(COPY, 0)
  head.writeUInt32BE(content.length, LENGTH_AT)
  generation.copy(head, GENERATION_AT)
  head.writeUInt16BE(index, INDEX_AT)
  head.writeUInt16BE(name.length, NAME_LENGTH_AT)
  head.write(name, HEADER_SIZE, 'latin1')
  head.writeUInt32BE(checksum(head, content), CRC_AT)
  return [head, content]
}

/** Of all but the CRC itself. */
function checksum(head: Buffer, content: Buffer): number {
  const front = crc32c(head.subarray(0, CRC_AT))
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
  /** Sound records stand behind octets that are none: something in between is lost. */
  readonly damaged: boolean
}

interface Found extends LoggedRecord {
  readonly index: number
  readonly generation: Buffer
  readonly end: number
}

/** Octets whose checksums are made for one segment: many times what an honest one needs, and no standstill. */
const MOST_SUMMED = 32 * SEGMENT_SIZE

/**
 * Reads whatever a segment's file holds, and throws at nothing. What follows the last record is zeros, of an
 * earlier generation, or a record that was not written to its end; it does no harm.
 */
export function readSegment(bytes: Buffer): SegmentContent {
  const reader = new SegmentReader(bytes)
  const copies: LoggedRecord[] = []
  let damaged = false
  let end = RECORDS_AT
  for (let found = reader.next(end); found; found = reader.next(end)) {
    damaged ||= found.end - recordSize(found) !== end
    if (!hasEnded(bytes, found.generation, found.index)) {
      copies.push({ name: found.name, content: found.content })
    }
    end = found.end
  }
  return { copies, damaged: damaged || reader.isTired }
}

class SegmentReader {
  private generation: Buffer | undefined
  private index = -1
  private left = MOST_SUMMED

  constructor(private readonly bytes: Buffer) {}

  /** There may be more, but finding it would take too long. */
  get isTired(): boolean {
    return this.left <= 0
  }

  /**
   * The first sound record from `at` on. Until one is found every place that looks like one is tried, and while
   * the generation is not known a sender can write many of them.
   */
  next(at: number): Found | undefined {
    let found = this.recordAt(at)
    while (!found && !this.isTired && (at = this.bytes.indexOf(COPY_OCTETS, at + 1)) >= 0) {
      found = this.recordAt(at)
    }
    this.generation ??= found?.generation
    this.index = found?.index ?? this.index
    return found
  }

  private recordAt(at: number): Found | undefined {
    const { bytes } = this
    if (at + HEADER_SIZE > bytes.length || bytes.readUInt32BE(at) !== COPY) return undefined
    const generation = bytes.subarray(at + GENERATION_AT, at + GENERATION_AT + GENERATION_SIZE)
    if (this.generation && !generation.equals(this.generation)) return undefined
    const index = bytes.readUInt16BE(at + INDEX_AT)
    const start = at + HEADER_SIZE + bytes.readUInt16BE(at + NAME_LENGTH_AT)
    const end = start + bytes.readUInt32BE(at + LENGTH_AT)
    if (end > bytes.length || index <= this.index || index >= MOST_RECORDS) return undefined
    this.left -= end - at
    const [head, content] = [bytes.subarray(at, start), bytes.subarray(start, end)]
    if (bytes.readUInt32BE(at + CRC_AT) !== checksum(head, content)) return undefined
    const name = head.toString('latin1', HEADER_SIZE)
    return { name, content, index, generation, end }
  }
}

function hasEnded(bytes: Buffer, generation: Buffer, index: number): boolean {
  const at = index * MARK_SIZE
  return bytes.subarray(at, at + MARK_SIZE).equals(markOf(generation, index))
}
