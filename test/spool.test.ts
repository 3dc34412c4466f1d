import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { simpleParser } from 'mailparser'
import type { ReportFacts } from '../plugins/tdc/journal/report'
import { DirectorySync } from '../plugins/tdc/queue/directory-sync'
import { systemDisk, type Disk, type DiskFile } from '../plugins/tdc/queue/disk'
import { HELD_ORIGINAL, Preparer, type Original } from '../plugins/tdc/queue/preparer'
import { Spool } from '../plugins/tdc/queue/spool'
import { bccWrapping, journalWrapping, type Wrapping } from '../plugins/tdc/queue/wrapping'
import { Dice } from './support/dice'
import { readData } from './support/journal'
import { ROOMY, TestQueue } from './support/queue'

const FACTS: ReportFacts = {
  mid: 'T.1.tdc1',
  gateway: 'mx.example.org',
  intake: 'intake@scan.example',
  reversePath: 'alice@sender.example',
  recipients: ['bob@example.org'],
  subject: ' hello\n',
  messageId: ' <1@sender.example>\n',
  clientIp: '192.0.2.1',
  date: Date.UTC(2026, 10, 20),
}
const OPTIONS = {
  markerValue: 'journal',
  remoteIpHeader: 'X-IronPort-RemoteIP',
  bareCr: 'as_postfix',
  token: 'v=1',
} as const
const INTAKE = { address: FACTS.intake, domain: 'scan.example', format: 'journal' as const }
const ADDED = 'X-IronPort-RemoteIP: 192.0.2.1\r\n'
const HEADER = 'Subject: hello\r\nMessage-ID: <1@sender.example>\r\n\r\n'

const long = (octets: number) => HEADER + '.dot\r\nline of text\r\n'.repeat(octets / 20)

describe('writing a copy ahead', () => {
  let queue: TestQueue
  beforeEach(() => (queue = new TestQueue()))
  afterEach(() => queue.remove())

  function preparer(disk: Disk = systemDisk): Preparer {
    const { directory, memory, clock } = queue
    const spool = new Spool(directory, disk, new DirectorySync(disk, directory.path))
    return new Preparer({ directory, spool, memory, clock, room: ROOMY, report: () => {} })
  }

  async function prepare(text: string | Buffer, options: PrepareOptions = {}) {
    const { disk, wrapping = journal(), signal = new AbortController().signal } = options
    const route = { intake: INTAKE, recipients: FACTS.recipients, policies: ['DEFAULT'] }
    const planned = [{ mid: FACTS.mid, route, wrapping, reversePath: '', smtputf8: false }]
    const [result] = await preparer(disk).prepare(original(Buffer.from(text)), planned, signal)
    assert(result)
    return result
  }

  async function prepared(text: string | Buffer, options?: PrepareOptions) {
    const result = await prepare(text, options)
    assert(result.kind === 'copy', result.kind === 'failed' ? result.why : '')
    const file = queue.content(result.copy.place.filename)
    return { copy: result.copy, file, message: file.subarray(result.copy.place.start) }
  }

  const sizes: [string, string][] = [
    ['held in memory', long(2_000)],
    ['streamed', long(HELD_ORIGINAL + 20_000)],
    ['streamed in many pieces', long(3_000_000)],
    ['empty', ''],
  ]
  for (const [how, text] of sizes) {
    it(`${how}: the file is Haraka's, the attachment the original`, async () => {
      const { copy, file, message } = await prepared(text)
      const length = file.readUInt32BE(0)
      assert.equal(copy.place.start, length + 4)
      const todo = JSON.parse(file.subarray(4, 4 + length).toString())
      assert.equal(todo.domain, 'the.tdc.queue')
      assert.equal(todo.uuid, FACTS.mid)
      assert.equal(todo.notes.tdc.size, unstuffed(message).length)
      assert.equal(copy.size, unstuffed(message).length)
      const { attachments } = await simpleParser(unstuffed(message))
      assert.equal(attachments[0]?.content.toString('latin1'), ADDED + text)
      assert.equal(statSync(copy.path).mode & 0o777, 0o600)
      assert.deepEqual(queue.files, [copy.place.filename])
    })
  }

  it('without room is not even begun: the original is not read, no file appears', async () => {
    const { directory, memory, clock } = queue
    const spool = new Spool(directory, systemDisk, new DirectorySync(systemDisk, directory.path))
    const room = { lack: () => Promise.resolve('9 MB free') }
    const route = { intake: INTAKE, recipients: FACTS.recipients, policies: ['DEFAULT'] }
    const plan = { mid: FACTS.mid, route, wrapping: journal(), reversePath: '', smtputf8: false }
    const results = await new Preparer({
      directory,
      spool,
      memory,
      clock,
      room,
      report: () => {},
    }).prepare(
      { messageId: undefined, octets: 1, read: () => assert.fail('it was read') },
      [plan],
      new AbortController().signal,
    )
    assert.deepEqual(results, [{ kind: 'failed', mid: FACTS.mid, route, why: '9 MB free' }])
    assert.deepEqual(queue.files, [])
  })

  it('the streamed file is, octet for octet of the message, the held one', async () => {
    const text = long(10_000)
    const same = () => journal(() => Buffer.alloc(16, 7))
    const held = await prepared(text, { wrapping: same() })
    const streamed = await prepared(pad(text), { wrapping: same() })
    const cut = (message: Buffer) => message.toString('latin1').replaceAll(PADDING, '')
    assert.equal(cut(streamed.message), cut(held.message))
  })

  it('labels 8-bit originals, although the label stands before them', async () => {
    for (const size of [2_000, HELD_ORIGINAL + 20_000]) {
      const { copy, message } = await prepared(`${long(size)}\u00e9\r\n`)
      assert.equal(copy.eightBit, true)
      assert.equal(
        message.toString('latin1').match(/^Content-Transfer-Encoding: 8bit/gm)?.length,
        2,
      )
    }
  })

  it('takes another boundary when the original holds the first, held or streamed', async () => {
    for (const size of [2_000, HELD_ORIGINAL + 20_000]) {
      const bytes = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)]
      const random = () => bytes.shift() ?? Buffer.alloc(16, 3)
      const text = `${long(size)}xx_tdc.${'01'.repeat(16)}_yy\r\n`
      // The longest head is measured with a boundary of its own, which takes the first from the row.
      const wrapping = journal(random)
      const { message } = await prepared(text, {
        wrapping: { ...wrapping, longestHead: () => 4000 },
      })
      assert.match(message.toString('latin1'), new RegExp(`^--_tdc.${'02'.repeat(16)}_--`, 'm'))
      const { attachments } = await simpleParser(unstuffed(message))
      assert.equal(attachments[0]?.content.toString('latin1'), ADDED + text)
    }
  })

  it('gives up, and says so, when every boundary is in the original', async () => {
    const wrapping = journal(() => Buffer.alloc(16, 1))
    const result = await prepare(`${HEADER}_tdc.${'01'.repeat(16)}_\r\n`, { wrapping })
    assert.deepEqual(
      [result.kind, result.kind === 'failed' && result.why, queue.files],
      ['failed', 'the boundary stands in the message', []],
    )
  })

  it("bcc: the original with the service's headers on top, octet for octet", async () => {
    for (const text of [long(2_000), long(HELD_ORIGINAL + 20_000)]) {
      const { message } = await prepared(text, {
        wrapping: bccWrapping(FACTS, { token: 'v=1', bareCr: 'as_postfix' }),
      })
      const body = unstuffed(message).toString('latin1')
      assert.equal(body.slice(-text.length), text)
      assert.match(body, /^X-CSE-ClientIP: 192\.0\.2\.1\r\nX-CSE-MailFrom: /)
    }
  })

  const failures: [string, Faults & { on?: keyof Disk }, string][] = [
    ['write', { write: () => fail('ENOSPC') }, 'no space left on the queue disk (ENOSPC)'],
    ['fsync', { sync: () => fail('EIO') }, 'the queue disk reports an input/output error (EIO)'],
    ['close', { close: () => fail('EDQUOT') }, 'the disk quota of the queue is used up (EDQUOT)'],
    ['size', { size: async () => 17 }, '17 octets on disk'],
    ['create', { on: 'create' }, 'the queue disk is read-only (EROFS)'],
    ['rename', { on: 'rename' }, 'the queue disk is read-only (EROFS)'],
    ['syncDirectory', { on: 'syncDirectory' }, 'the queue disk is read-only (EROFS)'],
  ]
  for (const [step, faults, why] of failures) {
    for (const text of [long(2_000), long(HELD_ORIGINAL + 20_000)]) {
      it(`a failing ${step} leaves no file (${text.length} octets)`, async () => {
        const result = await prepare(text, { disk: failing(faults) })
        assert(result.kind === 'failed')
        assert.ok(result.why.startsWith(why), result.why)
        assert.deepEqual(queue.files, [])
      })
    }
  }

  it('a disk that is full and says nothing is found out by the size (control)', async () => {
    const silent = { ...faulty({ write: async () => {} }) }
    const result = await prepare(long(2_000), { disk: silent })
    assert(result.kind === 'failed')
    assert.match(result.why, /^0 octets on disk, \d+ written$/)
  })

  it('a temporary file that starting workers remove is written again, as often as many may', async () => {
    const starting = 8
    let renames = 0
    const rename = async (from: string, to: string) => {
      if (++renames <= starting) await systemDisk.unlink(from)
      return systemDisk.rename(from, to)
    }
    await prepared(long(2_000), { disk: { ...systemDisk, rename } })
    assert.equal(renames, starting + 1)
    assert.equal(queue.files.length, 1)
  })

  it('a temporary file that is removed each time is given up', async () => {
    const rename = async (from: string, to: string) => {
      await systemDisk.unlink(from)
      return systemDisk.rename(from, to)
    }
    const result = await prepare(long(2_000), { disk: { ...systemDisk, rename } })
    assert(result.kind === 'failed')
    assert.match(result.why, /is gone \(ENOENT\)$/)
  })

  it('given up in the middle, it leaves nothing', async () => {
    const controller = new AbortController()
    const disk = faulty({
      async write(bytes, position, file) {
        await file.write(bytes, position)
        controller.abort(new Error('the client left'))
      },
    })
    const text = long(HELD_ORIGINAL + 20_000)
    const result = await prepare(text, { disk, signal: controller.signal })
    assert.deepEqual(
      [result.kind, result.kind === 'failed' && result.why, queue.files],
      ['failed', 'the client left', []],
    )
  })

  it('fsyncs the file before the rename, and the directory after it', async () => {
    const steps: string[] = []
    const disk: Disk = {
      ...faulty({ sync: async (file) => (await file.sync(), void steps.push('fsync')) }),
      rename: async (from, to) => (await systemDisk.rename(from, to), void steps.push('rename')),
      syncDirectory: async (path) => (
        await systemDisk.syncDirectory(path),
        void steps.push('fsync directory')
      ),
    }
    await prepared(long(2_000), { disk })
    assert.deepEqual(steps, ['fsync', 'rename', 'fsync directory'])
  })

  it('is what mailparser reads back, whatever the original (fuzz)', async () => {
    const dice = Dice.thrown('originals')
    for (let round = 0; round < 60; round++) {
      const text = Buffer.concat(
        dice.list(40, () =>
          Buffer.concat([Buffer.from(dice.octets(90).map(printable)), Buffer.from('\r\n')]),
        ),
      )
      const { message } = await prepared(Buffer.concat([Buffer.from(HEADER), text]))
      const { attachments } = await simpleParser(unstuffed(message))
      assert.equal(
        attachments[0]?.content.toString('latin1'),
        ADDED + HEADER + text.toString('latin1'),
      )
    }
  })
})

/** What a receiver makes of a file's message, once the final dot has come. */
function unstuffed(message: Buffer): Buffer {
  return readData(Buffer.concat([message, Buffer.from('.\r\n')])).message
}

interface PrepareOptions {
  disk?: Disk
  wrapping?: Wrapping
  signal?: AbortSignal
}

/** Text that makes a message too long for memory, and can be cut out again. */
const PADDING = 'padding\r\n'
const pad = (text: string) => text + PADDING.repeat(HELD_ORIGINAL / PADDING.length + 1)

function journal(random = (bytes: number) => Buffer.alloc(bytes, 9)): Wrapping {
  return journalWrapping(FACTS, OPTIONS, random)
}

function original(bytes: Buffer): Original {
  return {
    messageId: '<1@sender.example>',
    octets: bytes.length,
    async read(take, signal) {
      for (let at = 0; at < bytes.length; at += 70_001) {
        signal.throwIfAborted()
        await take(bytes.subarray(at, at + 70_001))
      }
    },
  }
}

function fail(code: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(code), { code }))
}

interface Faults {
  write?(bytes: Buffer, position: number, file: DiskFile): Promise<void>
  sync?(file: DiskFile): Promise<void>
  close?(file: DiskFile): Promise<void>
  size?(file: DiskFile): Promise<number>
}

/** The system's disk with some operations of its files replaced; they get the real file last. */
function faulty(faults: Faults): Disk {
  return {
    ...systemDisk,
    async create(path) {
      const file = await systemDisk.create(path)
      const { write, sync, close, size } = faults
      return {
        ...file,
        write: write ? (bytes, at) => write(bytes, at, file) : file.write,
        sync: sync ? () => sync(file) : file.sync,
        close: close ? () => file.close().then(() => close(file)) : file.close,
        size: size ? () => size(file) : file.size,
        truncate: file.truncate,
      }
    },
  }
}

function failing({ on, ...faults }: Faults & { on?: keyof Disk }): Disk {
  return on ? { ...systemDisk, [on]: () => fail('EROFS') } : faulty(faults)
}

/** Any octet but CR and LF, which the original filter normalizes. */
function printable(octet: number): number {
  return octet === 10 || octet === 13 ? 32 : octet
}
