import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../plugins/tdc/clock'
import { parseHead } from '../plugins/tdc/queue/queue-file'
import { Sweep, type SweptDisk, systemSweptDisk } from '../plugins/tdc/queue/sweep'
import { Dice } from './support/dice'
import { makeFifo } from './support/fifo'
import { NOTES, TestQueue } from './support/queue'

const RETRY_DELAY = 30_000

describe('the queue directory before Haraka loads it', () => {
  let queue: TestQueue
  beforeEach(() => {
    queue = new TestQueue()
    // Haraka names files by the machine's clock.
    queue.clock.setWall(Date.now() + 1_000)
  })
  afterEach(() => queue.remove())

  function sweep(disk: SweptDisk = systemSweptDisk, clock: Clock = queue.clock): void {
    const { directory } = queue
    const report = (event: (typeof queue.events)[number]) => void queue.events.push(event)
    new Sweep({ directory, disk, clock, report, retryDelay: () => RETRY_DELAY }).run()
  }

  /** A good file of ours in the queue directory; its name. */
  function good(mid = 'T.1.tdc1'): string {
    const { name, path } = queue.directory.newFile()
    const head = queue.directory.head({ mid, intake: NOTES.intake, notes: NOTES })
    writeFileSync(path, Buffer.concat([head, Buffer.alloc(NOTES.octets, 'x')]))
    return name
  }

  function bad(change: (file: Buffer) => Buffer): string {
    const name = good()
    const path = queue.directory.pathOf(name)
    writeFileSync(path, change(readFileSync(path)))
    return name
  }

  const damages: [why: string, change: (file: Buffer) => Buffer][] = [
    ['it is empty', () => Buffer.alloc(0)],
    ['its head is not complete', (file) => file.subarray(0, 3)],
    ['its head is not complete', (file) => file.subarray(0, 90)],
    ['its head cannot be read', (file) => Buffer.alloc(file.length)],
    ['its head is too long', () => Buffer.concat([Buffer.of(0, 1, 0, 0), Buffer.alloc(70_000)])],
    ['its head names another domain than the.tdc.queue', headed({ domain: 'tdc.queue' })],
    ['its head has no uuid', headed({ uuid: '../x' })],
    ['its head has no envelope', headed({ rcpt_to: undefined })],
    ['its head has no envelope', headed({ rcpt_to: [] })],
    ['its head has no envelope', headed({ rcpt_to: [null] })],
    ['its head has no envelope', headed({ mail_from: null })],
    ['its head has no envelope', headed({ mail_from: { user: 'a', host: 'b' } })],
    ['its head has no envelope', headed({ mail_from: { original: '<>', user: '\r\nx' } })],
    ['its head has no notes.tdc', headed({ notes: {} })],
    ['its message is not complete', (file) => file.subarray(0, file.length - 1)],
  ]
  for (const [why, change] of damages) {
    it(`sets a file aside: ${why}`, () => {
      const file = bad(change)
      const other = good('T.2.tdc1')
      sweep()
      assert.deepEqual(queue.files.sort(), [other, `error.${file}`].sort())
      assert.deepEqual(queue.events, [{ kind: 'damaged', file, why }])
    })
  }

  const strangers: [what: string, code: string, make: (path: string) => void][] = [
    ['a folder', 'EISDIR', (path) => mkdirSync(path)],
    ['a link to nowhere', 'ELOOP', (path) => symlinkSync('/nowhere', path)],
    ['a link to a copy', 'ELOOP', (path) => symlinkSync(queue.directory.pathOf(good()), path)],
  ]
  for (const [what, code, make] of strangers) {
    it(`sets aside ${what}`, () => {
      const { name: file, path } = queue.directory.newFile()
      make(path)
      sweep()
      assert.ok(queue.files.includes(`error.${file}`))
      assert.deepEqual(queue.events, [{ kind: 'damaged', file, why: `it is no file (${code})` }])
    })
  }

  it('sets a named pipe aside without waiting for what comes out of it', () => {
    const { name: file, path } = queue.directory.newFile()
    const fifo = makeFifo(path)
    sweep()
    fifo.remove()
    assert.deepEqual(queue.files, [`error.${file}`])
    assert.deepEqual(queue.events, [{ kind: 'damaged', file, why: 'it is no file (ESPIPE)' }])
  })

  it('leaves the files of others alone, whatever they hold', () => {
    const names = ['1_1_0_1_abcdef_1_host', 'junk', '__tmp__.1_1_0_1_tdc00000000_1_host']
    for (const name of names) writeFileSync(join(queue.path, name), '')
    sweep()
    assert.deepEqual(queue.files.sort(), [...names].sort())
    assert.deepEqual(queue.events, [])
  })

  it('leaves what cannot be read now: that may pass', () => {
    const name = good()
    const begin = () => {
      throw Object.assign(new Error(), { code: 'EMFILE' })
    }
    sweep({ ...systemSweptDisk, begin })
    assert.deepEqual(queue.files, [name])
  })

  it('a copy that is due later than any retry is due now, with its attempts', () => {
    const now = queue.clock.wall()
    const far = queue.directory.retryName(good(), now + 3_600_000, 1)
    writeFileSync(queue.directory.pathOf(far), readFileSync(queue.directory.pathOf(good())))
    const soon = queue.directory.retryName(good(), now + RETRY_DELAY, 1)
    writeFileSync(queue.directory.pathOf(soon), readFileSync(queue.directory.pathOf(good())))
    sweep()
    const due = queue.files.map((name) => name.split('_')).filter(([, , tries]) => tries === '1')
    assert.deepEqual(due.map(([, next]) => Number(next)).sort(), [now, now + RETRY_DELAY])
  })

  it('leaves the rest to Haraka when the disk is slow', () => {
    const names = [1, 2, 3].map((at) => bad(() => Buffer.from(`${at}`)))
    let now = 0
    const begin: SweptDisk['begin'] = (path, most) => {
      now += 6_000
      return systemSweptDisk.begin(path, most)
    }
    const { clock } = queue
    const running: Clock = {
      monotonic: () => now,
      wall: () => clock.wall(),
      after: (ms, then) => clock.after(ms, then),
    }
    sweep({ ...systemSweptDisk, begin }, running)
    const aside = queue.files.filter((name) => name.startsWith('error.'))
    assert.equal(aside.length, 2)
    assert.equal(queue.files.length, names.length)
  })

  it('takes any octets for a head (fuzz)', () => {
    const dice = Dice.thrown('heads')
    const file = readFileSync(queue.directory.pathOf(good()))
    assert.equal(typeof parseHead(file.length, file), 'object')
    for (let round = 0; round < 10_000; round++) {
      const octets = Buffer.from(file.subarray(0, dice.below(file.length + 1)))
      for (let flips = dice.below(8); flips > 0 && octets.length > 0; flips--) {
        octets[dice.below(octets.length)] = dice.below(256)
      }
      parseHead(dice.pick([file.length, octets.length, dice.below(2 ** 32)]), octets)
    }
  })
})

/** The same file with some fields of its head replaced. */
function headed(fields: Record<string, unknown>): (file: Buffer) => Buffer {
  return (file) => {
    const end = 4 + file.readUInt32BE(0)
    const head = JSON.parse(file.toString('utf8', 4, end)) as object
    const text = Buffer.from(JSON.stringify({ ...head, ...fields }))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.length)
    return Buffer.concat([length, text, file.subarray(end)])
  }
}
