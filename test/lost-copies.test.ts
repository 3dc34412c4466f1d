import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { LOST_KEPT, LostCopies } from '../plugins/tdc/queue/lost-copies'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { FakeClock } from './support/fake-clock'
import { makeTempDir, removeTempDir } from './support/temp-dir'

const RESPONSE = { status: '5.1.1', meaning: 'x', code: '550', detail: "['no such user']" }

describe('the history of lost copies', () => {
  let folder: string
  let clock: FakeClock
  const told: TdcEvent[] = []

  beforeEach(() => {
    folder = join(makeTempDir('lost'), 'error.tdc', 'lost')
    clock = new FakeClock()
    told.length = 0
  })
  afterEach(() => removeTempDir(join(folder, '..', '..')))

  /** One process that has it. */
  const start = (recipients: readonly string[] = ['bob@example.com']) =>
    new LostCopies({
      folder,
      makeFolder: (path) => systemDisk.makeFolder(path),
      clock,
      report: (event) => told.push(event),
      peopleOf: (mid) =>
        mid.startsWith('old') ? undefined : { sender: 'ann@b.example', recipients },
    })

  const bounced = (mid: string): TdcEvent => ({
    ...{
      kind: 'hard-bounced',
      failure: 'reply',
      response: RESPONSE,
      mid,
      intake: 'a@scan.example',
    },
    ...{ messageId: '<1@b.example>', dcid: 7, age: 1234.5, attempts: 1 },
  })

  const written = async (lost: LostCopies) => {
    await clock.advance(1_000)
    return lost.list()
  }

  it('has what was given up, and why, also after a restart', async () => {
    const lost = start()
    lost.note(bounced('A.1.tdc1'))
    await clock.advance(10)
    lost.note({ ...bounced('B.1.tdc1'), kind: 'expired' } as TdcEvent)
    const why = 'no space left'
    await clock.advance(10)
    lost.note({
      ...{
        kind: 'journal-failed',
        transaction: 'C.1',
        intake: 'a@scan.example',
        policy: 'accept',
        why,
      },
    })
    lost.note({ kind: 'enqueued', mid: 'D.1.tdc1', messageId: '', intake: 'a@scan.example' })
    await written(lost)
    const copies = await start().list()
    assert.deepEqual(
      copies.map(({ mid, reason, text }) => [mid, reason, text]),
      [
        ['C.1', 'not-written', why],
        ['B.1.tdc1', 'expired', "550 ['no such user']"],
        ['A.1.tdc1', 'hard-bounce', "550 ['no such user']"],
      ],
    )
    const { at, ageMs, sender, recipients, attempts } = copies[2] ?? assert.fail()
    assert.deepEqual([ageMs, attempts], [1235, 1])
    assert.deepEqual(
      [at, sender, recipients],
      [clock.wall() - 1_020, 'ann@b.example', ['bob@example.com']],
    )
    const [file = ''] = readdirSync(folder)
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600)
  })

  it('says what was sent again, and what was lost once more after that', async () => {
    const lost = start()
    const again = (mid: string): TdcEvent => ({
      ...{ kind: 'replayed', mid, messageId: '', intake: '', givenUpAt: 0, reason: 'expired' },
    })
    for (const event of [
      bounced('A.1.tdc1'),
      bounced('B.1.tdc1'),
      again('A.1.tdc1'),
      again('B.1.tdc1'),
    ]) {
      lost.note(event)
      await clock.advance(1_000)
    }
    lost.note(bounced('B.1.tdc1'))
    const found = (await written(lost)).map(({ mid, replayedAt }) => [mid[0], replayedAt !== null])
    assert.deepEqual(found, [
      ['B', false],
      ['B', true],
      ['A', true],
    ])
  })

  it('keeps the last 1,000, whatever there were, and a bounded folder', async () => {
    const many = Array.from({ length: 300 }, (_, at) => `recipient-${at}@long.example.com`)
    const lost = start(many)
    for (let at = 0; at < 3 * LOST_KEPT; at++) {
      lost.note(bounced(`M${at}.1.tdc1`))
      if (at % 100 === 99) {
        await clock.advance(1_000)
        await lost.list()
      }
    }
    const copies = await start().list()
    assert.deepEqual([copies.length, copies[0]?.mid], [LOST_KEPT, `M${3 * LOST_KEPT - 1}.1.tdc1`])
    const [first] = copies
    assert.ok(first && first.recipients.length > 20 && first.recipients.length < many.length)
    const octets = readdirSync(folder).reduce(
      (sum, file) => sum + statSync(join(folder, file)).size,
      0,
    )
    assert.ok(octets < 3_000_000, `${octets} octets`)
  })

  it('passes over a line that was cut anywhere, and what somebody else wrote', async () => {
    const lost = start()
    lost.note(bounced('A.1.tdc1'))
    await written(lost)
    const path = join(folder, readdirSync(folder)[0] ?? '')
    const line = readFileSync(path, 'utf8').trim()
    for (let length = 1; length < line.length; length += 7) {
      writeFileSync(path, `\n${line.slice(0, length)}`)
      const next = start()
      next.note(bounced('B.1.tdc1'))
      assert.deepEqual(
        (await written(next)).map(({ mid }) => mid),
        ['B.1.tdc1'],
        `at ${length}`,
      )
    }
    appendFileSync(path, '\nnull\n7\n{"at":"x"}\n[]\n\0\0\n')
    appendFileSync(path, `${line.replace('A.1', 'A\\u001b[2J')}\n`)
    assert.equal((await start().list()).length, 1)
  })

  it('is one of several processes, each line whole', async () => {
    const [one, two] = [start(), start()]
    for (let at = 0; at < 200; at++) {
      one.note(bounced(`A${at}.1.tdc1`))
      two.note(bounced(`B${at}.1.tdc1`))
      await clock.advance(1_000)
    }
    await Promise.all([one.list(), two.list()])
    assert.equal((await start().list()).length, 400)
  })

  it('has what a process had not written when it ended', async () => {
    for (const mid of ['A.1.tdc1', 'B.1.tdc1']) {
      const lost = start()
      lost.note(bounced(mid))
      lost.writeNow()
    }
    assert.equal((await start().list()).length, 2)
  })

  it('does not know who a copy is from that was found in the queue', async () => {
    const lost = start()
    lost.note(bounced('old.1.tdc1'))
    const [copy] = await written(lost)
    assert.deepEqual([copy?.sender, copy?.recipients], [null, []])
  })

  it('that cannot be written is told once, and goes on when it can', async () => {
    mkdirSync(join(folder, '..'), { recursive: true })
    writeFileSync(folder, 'a file in its place')
    const lost = start()
    for (let at = 0; at < 3; at++) {
      lost.note(bounced(`A${at}.1.tdc1`))
      await clock.advance(1_000)
      await assert.rejects(lost.list(), /ENOTDIR/)
    }
    assert.equal(told.length, 1, JSON.stringify(told))
    assert.match(JSON.stringify(told), /lost copies cannot be noted for haraka-tdc history: .*: E/)
    rmSync(folder)
    lost.note(bounced('B.1.tdc1'))
    assert.equal((await written(lost)).length, 4)
  })
})
