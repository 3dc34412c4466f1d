import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ReplyParser } from '../plugins/tdc/smtp/reply'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { Monitor } from '../plugins/tdc/monitor/monitor'
import { matcher } from '../plugins/tdc/monitor/tracking'
import { Copy } from '../plugins/tdc/queue/copy'
import { parseNotes } from '../plugins/tdc/queue/copy-notes'
import { readSettings } from '../plugins/tdc/settings/read'
import { FIXED } from '../plugins/tdc/settings/keys'
import { eventsWith } from './support/events'
import { memoryOf } from './support/heap'
import { NOTES, TestQueue } from './support/queue'
import { run, TYPESCRIPT } from './support/run'
import { sourceOf } from './support/settings-source'

const MB = 1024 * 1024
const MESSAGES = 10_000
const WAITING = 1_000

/** A long text that nobody else has. */
function long(tag: unknown, sign = 'long ', octets = MB): string {
  return `${tag} `.padEnd(octets, sign)
}

function monitor(): Monitor {
  return new Monitor({
    log: () => {},
    serviceName: () => 'NAME',
    now: () => 1.7e12,
    tracked: () => MESSAGES,
  })
}

/** Some events of one message, with these texts in all places. */
function eventsOf(message: number, value: string): TdcEvent[] {
  const transaction = `${message}`.padStart(8, '0') + '-8E2C-4A51-9C21-0D9E6A1B2C3D.1'
  const all = eventsWith(value)
  const [decided, ...others] = all
  const some = Array.from({ length: 4 }, (_, at) => others[(message * 4 + at) % others.length])
  return [decided, ...some].flatMap((event) => {
    if (!event) return []
    if ('transaction' in event) return { ...event, transaction }
    return 'mid' in event ? { ...event, mid: `${transaction}.tdc1` } : event
  })
}

/** A message as most are, in the events of its way. */
function ordinary(message: number): TdcEvent[] {
  const transaction = `${message}`.padStart(8, '0') + '-8E2C-4A51-9C21-0D9E6A1B2C3D.1'
  const [mid, intake] = [`${transaction}.tdc1`, 'journal@scan.example']
  // As from a socket: each a string of its own.
  const read = (text: string) => Buffer.from(text).toString()
  const messageId = read(`<CAF${message}aabbccddeeff00112233445566@mail.sender.example>`)
  const copy = { mid, intake, messageId, dcid: 17, age: 123, attempts: 1 }
  const [sender, to] = [`person${message}@sender.example`, `user${message}@customer.example`]
  return [
    {
      kind: 'decided',
      transaction,
      messageId,
      sender: read(sender),
      recipients: [read(to)],
      routes: [{ intake, recipients: 1, policies: ['DEFAULT'] }],
    },
    { kind: 'prepared', mid: read(mid), intake, size: 5_000 + message },
    { kind: 'enqueued', mid: read(mid), messageId, intake, doubt: undefined },
    { kind: 'delivery-start', dcid: 17, mid: read(mid) },
    { kind: 'delivered', ...copy, response: read(`250 2.0.0 Ok: queued as ${message}4XyZ1a2B3c`) },
  ]
}

/** Octets in use: before there was anything, of what is tracked, and of all. */
interface Heap {
  readonly before: number
  readonly tracking: number
  readonly after: number
}

describe('memory, whatever the mail', function () {
  this.timeout(60_000)

  it(`${MESSAGES} tracked messages and the last errors, very long in every text`, () => {
    const track = (messages: number) => {
      const made = monitor()
      for (let i = 0; i < messages; i++) {
        const value = long(i, 'long ', i % 20 === 0 ? MB : MB / 32)
        for (const event of eventsOf(i, value)) made.report(event)
      }
      return made
    }
    const { octets, kept } = memoryOf(
      () => track(MESSAGES),
      () => track(50),
    )
    assert.equal(kept.tracking.size, MESSAGES)
    assert.ok(octets < 32 * MB, `${octets} octets`)
    const [shown] = kept.tracking.recent(1)
    assert.ok(JSON.stringify(shown).length < 4_000)
  })

  it(`a process of its own, with ${MESSAGES} tracked messages and ${WAITING} copies`, async () => {
    const program = join(__dirname, 'support', 'bounds-process.ts')
    const args = ['-r', TYPESCRIPT, program, ...[MESSAGES, WAITING, MB].map(String)]
    const said = await run(process.execPath, args)
    const { before, tracking, after } = JSON.parse(said.slice(said.lastIndexOf('{'))) as Heap
    const mb = (octets: number) => `${(octets / MB).toFixed(1)} MB`
    console.log(`      ${mb(before)}, tracking ${mb(tracking)}, all ${mb(after)}`)
    assert.ok(after - before < 40 * MB, mb(after - before))
  })

  it('the same with texts of other scripts, which take two octets a character', () => {
    const { octets, kept } = memoryOf(() => {
      const made = monitor()
      for (let i = 0; i < 1_000; i++) {
        for (const event of eventsOf(i, long(i, 'x'.repeat(200) + '漢字\u202e', MB / 32)))
          made.report(event)
      }
      return made
    })
    assert.ok(octets < 4 * MB, `${octets} octets`)
    const [shown] = kept.tracking.recent(1)
    assert.ok(JSON.stringify(shown).length < 4_000)
  })

  it(`${WAITING} waiting copies, their notes and the intake's replies as long as can be`, () => {
    const queue = new TestQueue()
    const reply = Array.from({ length: 120 }, () => `451-${'r'.repeat(500)}`).join('\r\n')
    const waiting = (mid: string) => {
      const written = {
        ...NOTES,
        messageId: long(mid),
        reversePath: `${'s'.repeat(900)}@x.example`,
      }
      const notes = parseNotes(JSON.parse(JSON.stringify(written)))
      assert.ok(typeof notes === 'object')
      const place = { filename: mid, folder: queue.path, start: 4 }
      queue.scheduler.schedule(new Copy(mid, notes, place, 0))
      const parser = new ReplyParser()
      parser.push(Buffer.from(`${reply}\r\n451 end of ${mid}\r\n`))
      const parsed = parser.next()
      assert.ok(parsed.kind === 'reply')
      const failure = { kind: 'reply', command: 'BODY', reply: parsed.reply } as const
      queue.courier.answer({ kind: 'failed', dcid: 1, failure })
    }
    const wait = (copies: number) => {
      const first = queue.scheduler.size
      for (let i = 0; i < copies; i++) waiting(`T.${first + i}.tdc1`)
      queue.events.length = 0
    }
    const { octets } = memoryOf(
      () => wait(WAITING),
      () => wait(10),
    )
    assert.equal(queue.scheduler.stats.deferred, WAITING + 10)
    queue.remove()
    assert.ok(octets < 8 * MB, `${octets} octets`)
  })

  it('a setting of a megabyte, in any place, and a file of nonsense', () => {
    const texts = (tag: number) => [
      ...Object.entries(FIXED).flatMap(([section, keys]) =>
        Object.keys(keys).map((key) => `[${section}]\n${key}=${long(tag, 'long ', MB / 4)}\n`),
      ),
      `[${long(tag, 'long ', MB / 4)}]\nx=y\n`,
      `[grup.${long(tag, 'long ', MB / 4)}]\nx=y\n`,
      `[main]\n${long(tag, 'long ', MB / 4).replaceAll(' ', '_')}=1\n`,
      Array.from({ length: 20_000 }, (_, at) => `[main]\nkey${tag}${at}=1\n`).join(''),
    ]
    const { octets, kept } = memoryOf(() =>
      [1, 2].flatMap((tag) =>
        texts(tag).map((text) => {
          const read = readSettings(sourceOf(text))
          return read.kind === 'refused' ? read.problems : read.warnings
        }),
      ),
    )
    assert.ok(octets < MB, `${octets} octets for ${kept.length} readings`)
    for (const sentences of kept) assert.ok(sentences.join('').length < 30_000, sentences[0])
  })

  it('an ordinary message takes less than half of what its events take', async () => {
    const all = Array.from({ length: MESSAGES }, (_, at) => at)
    const tracked = memoryOf(() => {
      const made = monitor()
      for (const at of all) for (const event of ordinary(at)) made.report(event)
      return made
    })
    const events = memoryOf(
      () => new Map(all.map((at) => [at, ordinary(at).map((event) => ({ at, event }))])),
    )
    assert.equal(tracked.kept.tracking.size, MESSAGES)
    console.log(`      ${MESSAGES} ordinary messages: ${(tracked.octets / MB).toFixed(1)} MB`)
    assert.ok(tracked.octets < events.octets / 2, `${tracked.octets} of ${events.octets} octets`)
    const [found] = await tracked.kept.tracking.find('person77@sender.example')
    assert.ok(found && matcher('<CAF77aabbccddeeff00112233445566@mail.sender.example>')(found))
    assert.equal(
      found.steps.at(-1)?.text,
      'delivered over DCID 17: 250 2.0.0 Ok: queued as 774XyZ1a2B3c',
    )
  })

  it('nothing of a message that is not tracked', () => {
    const reported = () => {
      const made = new Monitor({
        log: () => {},
        serviceName: () => 'NAME',
        now: () => 1.7e12,
        tracked: () => 0,
      })
      for (let i = 0; i < 200; i++) {
        for (const event of eventsOf(i, long(i))) made.report(event)
      }
      return made
    }
    // What else this process does meanwhile counts too; what is kept is there each time.
    const octets = Math.min(...[1, 2, 3].map(() => memoryOf(reported).octets))
    assert.ok(octets < MB, `${octets} octets`)
  })
})
