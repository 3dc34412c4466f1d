import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { crc32c } from '../plugins/tdc/queue/log/crc32c'
import {
  GENERATION_SIZE,
  headOf,
  HEADS_AT,
  type LoggedRecord,
  MARK_SIZE,
  MARKS_AT,
  readSegment,
  SEGMENT_SIZE,
  recordOf,
  recordSize,
  RECORDS_AT,
} from '../plugins/tdc/queue/log/format'
import { Dice } from './support/dice'
import { WrittenSegment } from './support/written-segment'

const SIZE = RECORDS_AT + 64 * 1024

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
    const { bytes } = new WrittenSegment(SIZE).add(A, B, C).end(1)
    assert.deepEqual(readSegment(bytes), { copies: [A, C], damaged: false })
  })

  it('is empty when it is new, and when it was not made to its end', () => {
    const { bytes } = new WrittenSegment(SIZE)
    for (const empty of [bytes, bytes.subarray(0, 9_000), Buffer.alloc(SIZE), Buffer.alloc(0)]) {
      assert.deepEqual(readSegment(empty), { copies: [], damaged: false })
    }
  })

  it('is damaged when it is none at all', () => {
    for (const bytes of [randomBytes(10), randomBytes(SIZE), Buffer.from('a mail\r\n')]) {
      assert.deepEqual(readSegment(bytes), { copies: [], damaged: true })
    }
  })

  it('that was used again has nothing of its earlier use, neither records nor marks', () => {
    const before = new WrittenSegment(SIZE).add(A, B, C).end(0).end(1)
    const again = new WrittenSegment(before.bytes).add(C)
    assert.deepEqual(readSegment(again.bytes), { copies: [C], damaged: false })
  })

  it('that was used again has nothing of its earlier use when its first record is damaged', () => {
    const before = new WrittenSegment(SIZE).add(A, B, B, C)
    const again = new WrittenSegment(before.bytes).add(B, A)
    assert.deepEqual(readSegment(again.harm(0, 100).bytes), { copies: [A], damaged: true })
    assert.deepEqual(readSegment(again.harm(1, 100).bytes), { copies: [], damaged: false })
  })

  it('one of whose heads is damaged has everything; without both it is damaged', () => {
    const { bytes } = new WrittenSegment(SIZE).add(A, B, C).end(1)
    for (const at of HEADS_AT) {
      const harmed = Buffer.from(bytes).fill(0xee, at, at + 4096)
      assert.deepEqual(readSegment(harmed), { copies: [A, C], damaged: false })
    }
    for (const at of HEADS_AT) bytes.fill(0, at, at + 4096)
    assert.deepEqual(readSegment(bytes), { copies: [], damaged: true })
  })

  it('whose next use had begun when the machine stopped is of one use or the other', () => {
    const before = new WrittenSegment(SIZE).add(A, B).end(0)
    const [head, [front, back]] = [headOf(randomBytes(GENERATION_SIZE)), HEADS_AT]
    for (let octets = 0; octets <= head.length; octets++) {
      const bytes = Buffer.from(before.bytes)
      head.copy(bytes, front, 0, octets)
      const isNext = octets === head.length
      assert.deepEqual(readSegment(bytes), { copies: isNext ? [] : [B], damaged: false })
      head.copy(bytes, front)
      head.copy(bytes, back, 0, octets)
      assert.deepEqual(readSegment(bytes), { copies: [], damaged: false })
    }
  })

  it('whose last record was cut anywhere has those before it, and is not damaged', () => {
    const { bytes, starts, at } = new WrittenSegment(SIZE).add(A, B, C)
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
    const { bytes, starts } = new WrittenSegment(SIZE).add(A, B, C)
    bytes[(starts[1] ?? 0) + 1_000]! ^= 1
    assert.deepEqual(readSegment(bytes), { copies: [A, C], damaged: true })
  })

  for (const first of [true, false]) {
    it(`takes no record that a sender wrote into ${first ? 'the first' : 'a later'} mail`, () => {
      const evil = new WrittenSegment(SIZE).octetsOf(record('evil'), 2, RECORDS_AT + 28)
      const mail = { name: 'mail', content: evil }
      const written = new WrittenSegment(SIZE).add(...(first ? [] : [A]), mail, C)
      const before = first ? [] : ['a']
      assert.deepEqual(namesIn(written.bytes), [...before, 'mail', 'c'])
      written.harm(before.length, 5)
      assert.deepEqual(namesIn(written.bytes), [...before, 'c'])
    })
  }

  it('takes no record at another place, not even its own: somebody may mail a segment', () => {
    const written = new WrittenSegment(SIZE).add(A)
    const stolen = [0, 5, 9].map((index) => written.octetsOf(record('stolen'), index, RECORDS_AT))
    const content = Buffer.concat([written.bytes.subarray(0, 4096), ...stolen])
    written.add({ name: 'mail', content }, C).harm(1, 5)
    assert.deepEqual(readSegment(written.bytes), { copies: [A, C], damaged: true })
  })

  it('has each place once: an index that does not rise is no record', () => {
    const written = new WrittenSegment(SIZE).add(A, B)
    written.octetsOf(C, 1, written.at).copy(written.bytes, written.at)
    assert.deepEqual(readSegment(written.bytes), { copies: [A, B], damaged: false })
  })

  it('is not searched for ever, whatever a mail looks like behind a damaged record', () => {
    const [head = Buffer.alloc(0)] = recordOf(
      { name: '', content: A.content },
      randomBytes(8),
      1,
      0,
    )
    head.writeUInt32BE(40 * 1024, 4)
    const mail = { name: 'mail', content: Buffer.concat(Array<Buffer>(900).fill(head)) }
    const { bytes } = new WrittenSegment(SIZE).add(mail, C).harm(0, 100)
    assert.deepEqual(readSegment(bytes), { copies: [C], damaged: true })
  })

  it('that would take for ever to search is damaged, and gives what it has by then', () => {
    const written = new WrittenSegment(Buffer.alloc(SEGMENT_SIZE)).add(A)
    const { bytes } = written
    const length = 3 * 2 ** 20
    const head = written.octetsOf({ name: '', content: Buffer.alloc(0) }, 1, 0)
    head.writeUInt32BE(length, 4)
    for (let at = written.at; at + length + head.length < bytes.length; at += head.length) {
      head.copy(bytes, at)
    }
    assert.deepEqual(readSegment(bytes), { copies: [A], damaged: true })
  })

  it('never has what was not written, whatever became of its octets (fuzz)', () => {
    const dice = Dice.thrown('segments')
    for (let round = 0; round < 400; round++) {
      const plain = () => record(`r${dice.below(1000)}`, dice.below(3_000))
      const before = new WrittenSegment(dice.below(2) ? randomBytes(SIZE) : Buffer.alloc(SIZE))
      if (dice.below(2)) before.add(...dice.list(8, plain))
      const written = new WrittenSegment(before.bytes)
      // Mails may hold records: a sender's, or those of an earlier use and of this one, from where they stood.
      const holding = (): LoggedRecord => {
        const by = dice.pick([new WrittenSegment(SIZE), before, written])
        const octets = by.octetsOf(record('evil', 9), dice.below(40), RECORDS_AT)
        return { name: 'h', content: Buffer.concat([dice.octets(30), octets, dice.octets(30)]) }
      }
      const records = [plain(), ...dice.list(12, () => (dice.below(2) ? plain() : holding()))]
      written.add(...records)
      const ended = records.map((_, index) => dice.below(3) === 0 && !!written.end(index))
      const { bytes, at } = written
      const harmed = new Set<number>()
      for (let harms = dice.below(5); harms > 0; harms--) {
        const from = dice.pick([dice.below(at), RECORDS_AT + dice.below(600), dice.pick(HEADS_AT)])
        const length = 1 + dice.below(dice.pick([1, 8, 512, 4_096]))
        const value = dice.pick([() => 0, () => dice.below(256)])
        for (let i = from; i < Math.min(from + length, bytes.length); i++) {
          bytes[i] = value()
          harmed.add(i)
        }
      }
      const isHarmed = (from: number, octets: number) =>
        [...harmed].some((octet) => octet >= from && octet < from + octets)
      const isLost = HEADS_AT.every((head) => isHarmed(head, headOf(written.generation).length))
      const found = new Set(readSegment(bytes).copies.map(({ content }) => content.toString('hex')))
      records.forEach((each, index) => {
        const [start = 0, mark] = [written.starts[index], MARKS_AT + index * MARK_SIZE]
        if (isLost || isHarmed(start, recordSize(each)) || isHarmed(mark, MARK_SIZE)) return
        assert.equal(found.has(each.content.toString('hex')), !ended[index], each.name)
      })
      const all = new Set(records.map(({ content }) => content.toString('hex')))
      for (const content of found) assert.ok(all.has(content), 'a copy that was never written')
    }
  })
})
