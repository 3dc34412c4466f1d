import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { crc32c } from '../plugins/tdc/queue/log/crc32c'
import {
  GENERATION_SIZE,
  type LoggedRecord,
  MARK_SIZE,
  markOf,
  readSegment,
  SEGMENT_SIZE,
  recordOf,
  recordSize,
  RECORDS_AT,
} from '../plugins/tdc/queue/log/format'
import { Dice } from './support/dice'

const SIZE = RECORDS_AT + 64 * 1024

/** A segment as a file has it, and where each record begins. */
class Written {
  readonly generation = randomBytes(GENERATION_SIZE)
  readonly starts: number[] = []
  at = RECORDS_AT

  constructor(readonly bytes: Buffer = Buffer.alloc(SIZE)) {}

  add(...records: LoggedRecord[]): this {
    for (const record of records) {
      Buffer.concat(recordOf(record, this.generation, this.starts.length)).copy(this.bytes, this.at)
      this.starts.push(this.at)
      this.at += recordSize(record)
    }
    return this
  }

  end(index: number): this {
    markOf(this.generation, index).copy(this.bytes, index * MARK_SIZE)
    return this
  }
}

const record = (name: string, octets = 100): LoggedRecord => ({
  name,
  content: Buffer.concat([Buffer.from(`${name}:`), randomBytes(octets)]),
})
const [A, B, C] = [record('a'), record('b', 5_000), record('c')]
const namesIn = (bytes: Buffer) => readSegment(bytes).copies.map(({ name }) => name)

describe('a segment of the log', () => {
  it('has the CRC32C of RFC 3720 (B.4)', () => {
    const vectors: [Buffer, number][] = [
      [Buffer.from('123456789'), 0xe3069283],
      [Buffer.alloc(32), 0x8a9136aa],
      [Buffer.alloc(32, 0xff), 0x62a8ab43],
      [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ]
    for (const [bytes, crc] of vectors) {
      assert.equal(crc32c(bytes), crc)
      assert.equal(crc32c(bytes.subarray(5), crc32c(bytes.subarray(0, 5))), crc)
    }
  })

  it('gives back what was written, but for what has ended', () => {
    const { bytes } = new Written().add(A, B, C).end(1)
    assert.deepEqual(readSegment(bytes), { copies: [A, C], damaged: false })
  })

  it('is empty when it is new, and when it is no segment at all', () => {
    for (const bytes of [Buffer.alloc(SIZE), Buffer.alloc(0), randomBytes(10), randomBytes(SIZE)]) {
      assert.deepEqual(readSegment(bytes), { copies: [], damaged: false })
    }
  })

  it('that was used again has nothing of its earlier use, neither records nor marks', () => {
    const before = new Written().add(A, B, C).end(0).end(1)
    const again = new Written(before.bytes).add(C)
    assert.deepEqual(readSegment(again.bytes), { copies: [C], damaged: false })
  })

  it('whose last record was cut anywhere has those before it, and is not damaged', () => {
    const { bytes, starts, at } = new Written().add(A, B, C)
    const start = starts[2] ?? 0
    for (let cut = start; cut < at; cut++) {
      const torn = Buffer.from(bytes)
      torn.fill(0, cut)
      // The last octets can be zeros of the record itself.
      if (torn.equals(bytes)) continue
      assert.deepEqual(readSegment(torn), { copies: [A, B], damaged: false }, `cut at ${cut}`)
    }
  })

  it('with a damaged record has those around it, and is damaged', () => {
    const { bytes, starts } = new Written().add(A, B, C)
    bytes[(starts[1] ?? 0) + 1_000]! ^= 1
    assert.deepEqual(readSegment(bytes), { copies: [A, C], damaged: true })
  })

  it('takes no record that a sender wrote into a mail', () => {
    const evil = Buffer.concat(recordOf(record('evil'), randomBytes(GENERATION_SIZE), 2))
    const mail = { name: 'mail', content: evil }
    const { bytes, starts } = new Written().add(A, mail, C)
    assert.deepEqual(namesIn(bytes), ['a', 'mail', 'c'])
    bytes[(starts[1] ?? 0) + 5]! ^= 1
    assert.deepEqual(namesIn(bytes), ['a', 'c'])
  })

  it('has each place once: an index that does not rise is no record', () => {
    const { bytes, generation, at } = new Written().add(A, B)
    Buffer.concat(recordOf(C, generation, 1)).copy(bytes, at)
    assert.deepEqual(readSegment(bytes), { copies: [A, B], damaged: false })
  })

  it('that would take for ever to search is damaged, and gives what it has by then', () => {
    const written = new Written(Buffer.alloc(SEGMENT_SIZE)).add(A)
    const { bytes, generation } = written
    const length = 3 * 2 ** 20
    const [head = Buffer.alloc(0)] = recordOf({ name: '', content: Buffer.alloc(0) }, generation, 1)
    head.writeUInt32BE(length, 4)
    for (let at = written.at; at + length + head.length < bytes.length; at += head.length) {
      head.copy(bytes, at)
    }
    assert.deepEqual(readSegment(bytes), { copies: [A], damaged: true })
  })

  it('never has what was not written, whatever became of its octets (fuzz)', () => {
    const dice = Dice.thrown('segments')
    for (let round = 0; round < 400; round++) {
      const records = dice.list(12, () => record(`r${dice.below(1000)}`, dice.below(3_000)))
      const written = new Written(dice.below(2) ? randomBytes(SIZE) : Buffer.alloc(SIZE))
      written.add(...records)
      const ended = records.map((_, index) => dice.below(3) === 0 && !!written.end(index))
      const { bytes, at } = written
      const harmed = new Set<number>()
      for (let harms = dice.below(4); harms > 0; harms--) {
        const from = dice.below(at)
        const length = 1 + dice.below(dice.pick([1, 8, 512, 4_096]))
        for (let i = from; i < Math.min(from + length, bytes.length); i++) {
          bytes[i] = dice.below(256)
          harmed.add(i)
        }
      }
      const found = new Set(readSegment(bytes).copies.map(({ content }) => content.toString('hex')))
      records.forEach((each, index) => {
        const [start = 0, mark] = [written.starts[index], index * MARK_SIZE]
        const isHarmed = (from: number, to: number) =>
          [...harmed].some((octet) => octet >= from && octet < to)
        if (isHarmed(start, start + recordSize(each)) || isHarmed(mark, mark + MARK_SIZE)) return
        assert.equal(found.has(each.content.toString('hex')), !ended[index], each.name)
      })
      const all = new Set(records.map(({ content }) => content.toString('hex')))
      for (const content of found) assert.ok(all.has(content), 'a copy that was never written')
    }
  })
})
