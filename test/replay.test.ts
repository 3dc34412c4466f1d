import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import type { Outcome } from '../plugins/tdc/smtp/outcome'
import type { LoadedItem } from '../plugins/tdc/haraka/types'
import { Copy } from '../plugins/tdc/queue/copy'
import { DirectorySync } from '../plugins/tdc/queue/directory-sync'
import { type Disk, systemDisk } from '../plugins/tdc/queue/disk'
import { CAUSES } from '../plugins/tdc/queue/kept-name'
import { Loader } from '../plugins/tdc/queue/loader'
import { HELD_ORIGINAL, Preparer } from '../plugins/tdc/queue/preparer'
import { readHead } from '../plugins/tdc/queue/queue-file'
import { parseReplayTag, replayTag } from '../plugins/tdc/queue/replay-mark'
import { Spool } from '../plugins/tdc/queue/spool'
import { bccWrapping, journalWrapping, type Wrapping } from '../plugins/tdc/queue/wrapping'
import { Dice } from './support/dice'
import { Gate } from './support/gate'
import { factsWith, OPTIONS } from './support/journal'
import { ROOMY, TestQueue } from './support/queue'
import { TYPESCRIPT } from './support/run'

const INTAKE = { address: 'intake@scan.example', domain: 'scan.example' }
const DELIVERED: Outcome = { kind: 'delivered', dcid: 7, response: '250 ok' }
const LATER: Outcome = {
  kind: 'failed',
  dcid: 7,
  failure: { kind: 'network', details: 'reset', reason: 'connection reset' },
}
const HEADER = 'Subject: hello\r\nMessage-ID: <1@sender.example>\r\n'
const textOf = (octets: number) => `${HEADER}\r\n${'.dot\r\nline of text\r\n'.repeat(octets / 20)}`

const WRAPPINGS: Record<string, Wrapping> = {
  journal: journalWrapping(factsWith(), { ...OPTIONS, remoteIpHeader: undefined }, (n) =>
    Buffer.alloc(n, 7),
  ),
  bcc: bccWrapping(factsWith(), OPTIONS),
}

describe('a replay of kept copies', () => {
  let queue: TestQueue
  beforeEach(() => {
    queue = new TestQueue()
    queue.keep = { ...queue.keep, keep: true }
  })
  afterEach(() => queue.remove())

  /** Lets copies expire, so that they are kept. */
  async function expire(...copies: Copy[]): Promise<void> {
    for (const copy of copies) queue.scheduler.schedule(copy)
    await queue.clock.advance(queue.options.maxAge)
    await queue.idle()
    queue.told()
  }

  const keptMids = async () => (await queue.kept.list()).map(({ mid }) => mid)

  /** A copy as the connector writes it. */
  async function written(original: string, format: keyof typeof WRAPPINGS): Promise<Copy> {
    const { directory, memory, clock } = queue
    const spool = new Spool(directory, systemDisk, new DirectorySync(systemDisk, directory.path))
    const preparer = new Preparer({
      directory,
      spool,
      memory,
      clock,
      room: ROOMY,
      report: () => {},
    })
    const wrapping = WRAPPINGS[format]
    assert(wrapping)
    const route = {
      intake: { ...INTAKE, format: 'journal' as const },
      recipients: [],
      policies: [],
    }
    const [result] = await preparer.prepare(
      {
        messageId: '<1@sender.example>',
        octets: original.length,
        read: async (take) => take(Buffer.from(original)),
      },
      [{ mid: 'T.1.tdc1', route, wrapping, reversePath: '', smtputf8: false }],
      new AbortController().signal,
    )
    assert(result?.kind === 'copy')
    return result.copy
  }

  it('brings a copy back for a new life, and it is delivered once', async () => {
    await expire(queue.copy())
    assert.deepEqual(await queue.replay().replay(), { replayed: 1, refused: 0, left: 0 })
    assert.deepEqual(await keptMids(), [])
    await queue.clock.advance(queue.options.maxAge - 1)
    assert.deepEqual(queue.told(), ['replayed'])
    queue.courier.answer(DELIVERED)
    await queue.idle()
    assert.deepEqual([queue.told(), queue.files], [['delivered'], ['error.tdc']])
    assert.deepEqual(await queue.replay().replay(), { replayed: 0, refused: 0, left: 0 })
  })

  it('that fails again is kept again, for the rest of its time', async () => {
    await expire(queue.copy())
    const [first] = await queue.kept.list()
    await queue.replay().replay()
    await queue.clock.advance(queue.options.maxAge)
    await queue.idle()
    assert.deepEqual(queue.told(), ['replayed', 'expired', 'kept'])
    const [kept] = await queue.kept.list()
    assert.ok(first)
    assert.equal(kept?.at, first.at)
  })

  for (const format of Object.keys(WRAPPINGS)) {
    for (const octets of [2_000, HELD_ORIGINAL + 20_000]) {
      it(`marks ${format} copies of ${octets} octets, the rest is as it was`, async () => {
        const copy = await written(textOf(octets), format)
        const before = await contentOf(copy)
        assert.equal(before.length > octets, true)
        await expire(copy)
        await queue.clock.advance(60_000)
        await queue.replay().replay()
        const again = queue.courier.held[0]
        assert(again instanceof Copy)
        const after = await contentOf(again)
        const mark =
          'X-TDC-Replayed: Thu, 01 Jan 2026 00:03:00 +0000; reason=expired;\r\n' +
          ' given-up="Thu, 01 Jan 2026 00:02:00 +0000"\r\n'
        assert.equal(after.toString('latin1'), mark + before.toString('latin1'))
        assert.equal(again.size, copy.size + mark.length)
        const { headers, attachments } = await simpleParser(unstuffed(after))
        assert.match(String(headers.get('x-tdc-replayed')), /reason=expired/)
        if (format === 'journal') {
          assert.equal(attachments[0]?.content.toString('latin1'), textOf(octets))
        }
      })
    }
  }

  it('keeps its mark over a retry and a restart, and its age begins with the replay', async () => {
    await expire(await written(textOf(2_000), 'journal'))
    await queue.clock.advance(3_600_000)
    await queue.replay().replay()
    queue.courier.answer(LATER)
    await queue.idle()
    const filename = queue.files.find((name) => name !== 'error.tdc')
    assert(filename)
    const heir = new TestQueue(systemDisk, queue.path)
    await heir.clock.advance(queue.clock.monotonic() - heir.clock.monotonic())
    await loaderOf(heir).load(await itemOf(heir, filename))
    const [copy] = heir.courier.held
    assert(copy instanceof Copy)
    assert.match((await contentOf(copy)).toString(), /^X-TDC-Replayed: .*\r\n given-up=/)
    assert.equal(copy.failedAttempts, 1)
    await heir.clock.advance(queue.options.maxAge - 1)
    assert.deepEqual(heir.told(), ['loaded'])
  })

  it('by two at once, who both see all of them, sends each copy once', async () => {
    await expire(...Array.from({ length: 100 }, (_, i) => queue.copy(`T.${i}.tdc1`)))
    // Both see all of them before either takes one.
    let listed = 0
    const gate = new Gate()
    const visit: Disk['visit'] = async (...asked) => {
      await systemDisk.visit(...asked)
      if (++listed === 2) gate.open()
      await gate.wait()
    }
    const both = [0, 1].map(() => new TestQueue({ ...systemDisk, visit }, queue.path))
    const results = await Promise.all(both.map((each) => each.replay().replay()))
    const sent = both.flatMap(({ courier }) => courier.held.map(({ mid }) => mid))
    assert.equal(sent.length, 100)
    assert.equal(new Set(sent).size, 100)
    assert.deepEqual(
      results.map(({ refused, left }) => [refused, left]),
      [
        [0, 0],
        [0, 0],
      ],
    )
    assert.deepEqual(await keptMids(), [])
  })

  it('by several processes at once sends each copy once', async function () {
    this.timeout(60_000)
    await expire(...Array.from({ length: 300 }, (_, i) => queue.copy(`T.${i}.tdc1`)))
    const script = join(__dirname, 'support/replay-process.ts')
    const options = { execArgv: ['-r', TYPESCRIPT] }
    const processes = [1, 2, 3].map(() => fork(script, [queue.path], options))
    try {
      await Promise.all(processes.map((each) => once(each, 'message')))
      const told = processes.map((each) => once(each, 'message'))
      for (const each of processes) each.send('go')
      const sent = (await Promise.all(told)).flatMap(([mids]) => mids as string[])
      assert.equal(sent.length, 300)
      assert.equal(new Set(sent).size, 300)
      assert.deepEqual(await keptMids(), [])
      assert.equal(queue.files.length, 300 + 1)
    } finally {
      for (const each of processes) each.kill('SIGKILL')
    }
  })

  it('takes those that are asked for', async () => {
    await expire(queue.copy('T.1.tdc1'))
    const between = queue.clock.wall() + 1
    await expire(queue.copy('T.2.tdc1'))
    const sent = async (filter: object) => {
      await queue.replay().replay(filter)
      return queue.courier.held.map(({ mid }) => mid)
    }
    assert.deepEqual(await sent({ mid: 'T.3.tdc1' }), [])
    assert.deepEqual(await sent({ intake: 'other@scan.example' }), [])
    assert.deepEqual(await sent({ reason: 'hard-bounce' }), [])
    assert.deepEqual(await sent({ intake: 'other.example' }), [])
    assert.deepEqual(await sent({ since: between, reason: 'expired' }), ['T.2.tdc1'])
    assert.deepEqual(await sent({ mid: 'T.1.tdc1', intake: INTAKE.address }), [
      'T.2.tdc1',
      'T.1.tdc1',
    ])
  })

  it('leaves what the queue has no room for', async () => {
    await expire(...['T.1.tdc1', 'T.2.tdc1', 'T.3.tdc1'].map((mid) => queue.copy(mid)))
    queue.maxCopies = 2
    assert.deepEqual(await queue.replay().replay(), { replayed: 2, refused: 0, left: 1 })
    assert.deepEqual(await keptMids(), ['T.3.tdc1'])
  })

  it('that the disk refuses leaves the copy where it is', async () => {
    await expire(queue.copy())
    const rename = () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' }))
    const stuck = new TestQueue({ ...systemDisk, rename }, queue.path)
    assert.deepEqual(await stuck.replay().replay(), { replayed: 0, refused: 1, left: 0 })
    assert.deepEqual([stuck.told(), stuck.scheduler.has('T.1.tdc1')], [['not-replayed'], false])
    assert.deepEqual(await keptMids(), ['T.1.tdc1'])
  })

  it('does not send what is in the queue already', async () => {
    await expire(queue.copy())
    queue.scheduler.schedule(queue.copy())
    assert.deepEqual(await queue.replay().replay(), { replayed: 0, refused: 1, left: 0 })
    assert.equal(queue.courier.submissions, 2)
  })

  it('refuses files whose head is damaged, in any way (fuzz)', async () => {
    await expire(queue.copy())
    const [kept] = await queue.kept.list()
    assert(kept)
    const path = queue.kept.pathOf(kept.file)
    const whole = readFileSync(path)
    const head = whole.subarray(0, 4 + whole.readUInt32BE(0))
    const dice = Dice.thrown('kept files')
    for (let round = 0; round < 300; round++) {
      const damaged = Buffer.from(head)
      for (let i = dice.below(4); i >= 0; i--) damaged[dice.below(damaged.length)] = dice.below(256)
      writeFileSync(path, damaged.subarray(0, dice.below(damaged.length + 1)))
      const read = await readHead(systemDisk, path)
      if (typeof read === 'string') assert.match(read, /^its? [ -~]+$/)
      else assert.match(read.notes.intake, /^[^\u0000-\u001f<>]+$/)
    }
    writeFileSync(path, whole.subarray(0, whole.length - 1))
    assert.deepEqual(await queue.replay().replay(), { replayed: 0, refused: 1, left: 0 })
    assert.deepEqual(queue.events, [
      { kind: 'not-replayed', mid: 'T.1.tdc1', why: 'its message is not complete' },
    ])
  })

  it("writes its mark into the file's name so that it is read again (fuzz)", () => {
    const dice = Dice.thrown('replay tags')
    for (let round = 0; round < 10_000; round++) {
      const mark = {
        cause: dice.pick(CAUSES),
        givenUpAt: dice.below(2 ** 31) * 1000,
        at: dice.below(2 ** 31) * 1000,
      }
      const name = queue.directory.taggedName(replayTag(mark))
      assert.deepEqual(parseReplayTag(queue.directory.tagOf(name)), mark)
      const renamed = queue.directory.retryName(name, 1, 1)
      assert.deepEqual(parseReplayTag(queue.directory.tagOf(renamed)), mark)
      parseReplayTag(dice.octets(20).toString('latin1'))
    }
    assert.equal(queue.directory.tagOf(queue.directory.newFile().name), '')
  })
})

function loaderOf({ directory, disk, clock, scheduler, events }: TestQueue): Loader {
  return new Loader({
    directory,
    disk,
    clock,
    scheduler,
    report: (event) => void events.push(event),
    countsDowntime: () => true,
  })
}

/** As Haraka loads it. */
async function itemOf({ directory }: TestQueue, filename: string): Promise<LoadedItem> {
  const path = directory.pathOf(filename)
  const bytes = readFileSync(path)
  const start = 4 + bytes.readUInt32BE(0)
  const todo = JSON.parse(bytes.toString('utf8', 4, start)) as LoadedItem['todo'] & object
  const { octets } = (todo.notes as { tdc: { octets: number } }).tdc
  return { path, filename, data_start: start, file_size: start + octets, todo }
}

async function contentOf(copy: Copy): Promise<Buffer> {
  const content = await copy.content()
  if (Buffer.isBuffer(content)) return content
  const pieces: Buffer[] = []
  for await (const piece of content) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

function unstuffed(message: Buffer): Buffer {
  return Buffer.from(message.toString('latin1').replace(/^\.\./gm, '.'), 'latin1')
}
