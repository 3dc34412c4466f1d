import { randomBytes } from 'node:crypto'
import {
  GENERATION_SIZE,
  headOf,
  HEADS_AT,
  type LoggedRecord,
  MARK_SIZE,
  markOf,
  MARKS_AT,
  newSegment,
  recordOf,
  RECORDS_AT,
  recordSize,
} from '../../plugins/tdc/queue/log/format'

/** A segment as a file has it, and where each record begins. */
export class WrittenSegment {
  readonly generation = randomBytes(GENERATION_SIZE)
  readonly starts: number[] = []
  readonly bytes: Buffer
  at = RECORDS_AT

  /** `octets`: its size, or the file in an earlier use. */
  constructor(octets: number | Buffer) {
    this.bytes = typeof octets === 'number' ? newSegment(this.generation, octets) : octets
    for (const at of HEADS_AT) headOf(this.generation).copy(this.bytes, at)
  }

  add(...records: LoggedRecord[]): this {
    for (const record of records) {
      this.octetsOf(record, this.starts.length, this.at).copy(this.bytes, this.at)
      this.starts.push(this.at)
      this.at += recordSize(record)
    }
    return this
  }

  octetsOf(record: LoggedRecord, index: number, place: number): Buffer {
    return Buffer.concat(recordOf(record, this.generation, index, place))
  }

  end(index: number): this {
    markOf(this.generation, index).copy(this.bytes, MARKS_AT + index * MARK_SIZE)
    return this
  }

  /** One octet of a record. */
  harm(index: number, octet: number): this {
    this.bytes[(this.starts[index] ?? 0) + octet]! ^= 1
    return this
  }
}
