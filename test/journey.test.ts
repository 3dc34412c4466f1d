import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Doubts } from '../plugins/tdc/queue/doubts'
import type { Fate } from '../plugins/tdc/queue/fate'
import { Journey } from '../plugins/tdc/queue/journey'
import { DirectorySync } from '../plugins/tdc/queue/directory-sync'
import { systemDisk, type Disk } from '../plugins/tdc/queue/disk'
import type { Route } from '../plugins/tdc/decide/decision'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import {
  type Original,
  type PlannedCopy,
  type Prepared,
  Preparer,
} from '../plugins/tdc/queue/preparer'
import { Spool } from '../plugins/tdc/queue/spool'
import { bccWrapping, journalWrapping } from '../plugins/tdc/queue/wrapping'
import { Gate } from './support/gate'
import { factsWith, OPTIONS } from './support/journal'
import { ROOMY, TestQueue } from './support/queue'

const INTAKE = {
  address: 'intake@scan.example',
  domain: 'scan.example',
  format: 'journal' as const,
}
const [BOB, ANN] = ['bob@example.org', 'ann@example.org']
const ROUTE = { intake: INTAKE, recipients: [BOB, ANN], policies: ['DEFAULT'] }
const ORIGINAL: Original = {
  messageId: undefined,
  octets: 0,
  read: async () => {},
  digest: () => 'equal',
}
type Take = (piece: Buffer) => void | Promise<void>
const WITHIN = { within: 10_000, allOrNothing: false }

const ALL: Fate = { kind: 'delivered' }
const TO_BOTH: Fate = { kind: 'delivered', to: [ANN, BOB] }
const TO_BOB: Fate = { kind: 'delivered', to: [BOB, 'carol@example.org'] }
const TO_OTHERS: Fate = { kind: 'delivered', to: ['carol@example.org'] }
const UNKNOWN: Fate = { kind: 'unknown' }
const PERHAPS_BOB: Fate = { kind: 'unknown', to: [BOB] }
const OPEN: Fate = { kind: 'open' }
const REFUSED: Fate = { kind: 'nowhere', because: 'rejected' }
const LEFT: Fate = { kind: 'nowhere', because: 'client-left' }

/** One story: what happens to a prepared copy when this is known of its original. */
interface Course {
  readonly story: string
  /** At each look; the last one stays. */
  readonly fates: readonly Fate[]
  readonly told: string
  /** Whom the copy names, when it is not all that it is for. */
  readonly names?: readonly string[]
  /** Milliseconds until it is told. */
  readonly after?: number
}

const COURSES: Course[] = [
  { story: 'delivered to all', fates: [ALL], told: 'enqueued' },
  { story: 'delivered to all, one by one', fates: [TO_BOTH], told: 'enqueued' },
  { story: 'delivered to some', fates: [TO_BOB], told: 'enqueued', names: [BOB] },
  { story: 'delivered to others', fates: [TO_OTHERS], told: 'withdrawn' },
  { story: 'some may have it', fates: [PERHAPS_BOB], told: 'enqueued unknown', names: [BOB] },
  {
    story: 'the next hop has it for some, late',
    fates: [OPEN, TO_BOB],
    told: 'enqueued',
    names: [BOB],
    after: 100,
  },
  { story: 'nobody knows', fates: [UNKNOWN], told: 'enqueued unknown' },
  { story: 'refused', fates: [REFUSED], told: 'withdrawn' },
  { story: 'the client left before anybody had it', fates: [LEFT], told: 'withdrawn' },
  {
    story: 'the next hop takes it after the client was told otherwise',
    fates: [OPEN, OPEN, ALL],
    told: 'enqueued',
    after: 300,
  },
  {
    story: 'the next hop refuses it after the client has left',
    fates: [OPEN, REFUSED],
    told: 'withdrawn',
    after: 100,
  },
  {
    story: 'the next hop closes without an answer',
    fates: [OPEN, UNKNOWN],
    told: 'enqueued unknown',
    after: 100,
  },
  {
    story: 'the next hop never answers',
    fates: [OPEN],
    told: 'enqueued unknown',
    after: 620_000,
  },
]

function plan(mid: string): PlannedCopy {
  const wrapping = bccWrapping(factsWith({ mid }), { token: 'v=1', bareCr: 'as_postfix' })
  return { mid, route: ROUTE, wrapping, reversePath: '', smtputf8: false }
}

const ONE = [plan('T.1.tdc1')]
const TWO = [plan('T.1.tdc1'), plan('T.1.tdc2')]

function missedBy(journey: Journey): readonly unknown[] {
  const settled = journey.settle(() => ALL)
  return settled.kind === 'missed' ? settled.routes : []
}

describe('the copies of a message', () => {
  let queue: TestQueue
  let doubts: Doubts
  beforeEach(() => {
    queue = new TestQueue()
    doubts = new Doubts(queue.clock)
  })
  afterEach(() => queue.remove())

  function journey(): Journey {
    const { scheduler, clock, events } = queue
    const report = (event: TdcEvent) => void events.push(event)
    return new Journey([ROUTE], { scheduler, clock, report, doubts })
  }

  /** A preparer that has these results, or whatever the signal brings. */
  function preparing(work: (signal: AbortSignal) => Prepared[] | Promise<Prepared[]>): Preparer {
    const prepare: Preparer['prepare'] = async (_, __, signal, known) => {
      const results = await work(signal)
      for (const result of results) known?.(result)
      return results
    }
    return { prepare } as Preparer
  }

  function realPreparer(disk: Disk): Preparer {
    const { directory, memory, clock } = queue
    const spool = new Spool(directory, disk, new DirectorySync(disk, directory.path))
    return new Preparer({ directory, spool, memory, clock, room: ROOMY, report: () => {} })
  }

  let named: readonly string[] | undefined
  const copy = (mid?: string): Prepared => {
    const narrow = ({ recipients }: Route) => {
      named = recipients
      return Promise.resolve(queue.copy(mid))
    }
    return { kind: 'copy', copy: queue.copy(mid), route: ROUTE, narrow }
  }
  const failure: Prepared = { kind: 'failed', mid: 'T.1.tdc2', route: ROUTE, why: 'no space' }

  const prepared = async (original = ORIGINAL): Promise<Journey> => {
    const one = journey()
    const preparer = preparing(() => [copy()])
    await one.prepare(preparer, original, ONE, WITHIN)
    return one
  }

  for (const { story, fates, told, names, after = 0 } of COURSES) {
    it(`${story}: ${told}`, async () => {
      named = undefined
      const one = await prepared()
      const before = [queue.told(), queue.courier.holding]
      assert.deepEqual(before, [['prepared'], 0], 'nothing is sent before')
      let looks = 0
      const look = () => fates[Math.min(looks++, fates.length - 1)] ?? UNKNOWN
      one.settle(look)
      one.settle(() => assert.fail('settled twice') as never)
      if (after > 0) {
        await queue.clock.advance(100 - 1)
        assert.deepEqual(queue.told(), [], 'it waits')
        await queue.clock.advance(after)
      }
      await queue.idle()
      const [event] = queue.events
      const doubt = (event?.kind === 'enqueued' && event.doubt) || ''
      assert.equal(`${queue.told().join()} ${doubt}`.trim(), told)
      assert.deepEqual(named, names)
      const sent = told.startsWith('enqueued')
      assert.deepEqual([queue.courier.holding, queue.files.length], sent ? [1, 1] : [0, 0])
      assert.deepEqual(queue.clock.pending, sent ? 1 : 0, 'nobody looks any more')
    })
  }

  it('an equal message in doubt has one copy an hour, as long as it stays in doubt', async () => {
    const told = async (fate: Fate, digest: string | undefined): Promise<string> => {
      const one = await prepared({ ...ORIGINAL, digest: () => digest })
      queue.told()
      one.settle(() => fate)
      await queue.idle()
      return queue.told().join()
    }
    assert.equal(await told(UNKNOWN, 'A'), 'enqueued')
    assert.equal(await told(UNKNOWN, 'A'), 'withdrawn')
    assert.equal(await told(UNKNOWN, 'B'), 'enqueued')
    assert.equal(await told(ALL, 'A'), 'enqueued')
    assert.equal(await told(UNKNOWN, undefined), 'enqueued')
    assert.equal(await told(UNKNOWN, undefined), 'enqueued')
    await queue.clock.advance(3_600_000)
    await queue.idle()
    queue.told()
    assert.equal(await told(UNKNOWN, 'A'), 'enqueued')
  })

  it('the client leaves while they are written: reading stops at once, nothing stays', async () => {
    const one = journey()
    let stopped = false
    const preparer = preparing(async (signal) => {
      signal.addEventListener('abort', () => (stopped = true))
      queueMicrotask(() => one.settle(() => LEFT))
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(stopped, true, 'before the transaction is gone')
      return [copy()]
    })
    const result = await one.prepare(preparer, ORIGINAL, ONE, WITHIN)
    await queue.idle()
    assert.deepEqual([result.kind, queue.told(), queue.files], ['over', ['withdrawn'], []])
  })

  it('a disk that hangs: given up at the deadline, what it still writes is taken back', async () => {
    const one = journey()
    let wake = () => {}
    const hanging = new Promise<void>((resolve) => (wake = resolve))
    const preparer = preparing(async () => {
      await hanging
      return [copy()]
    })
    const result = one.prepare(preparer, ORIGINAL, ONE, WITHIN)
    await queue.clock.advance(WITHIN.within)
    assert.equal((await result).kind, 'failed')
    one.settle(() => ALL)
    wake()
    await queue.idle()
    assert.deepEqual([queue.told(), queue.files], [['withdrawn'], []])
  })

  for (const octets of [0, 400_000])
    it(`the file of a copy for fewer is the one that names them, of ${octets} octets`, async () => {
      const body = Buffer.from(`Subject: x\r\n\r\n${'.x\r\n'.repeat(octets / 4)}`)
      const original = { ...ORIGINAL, octets, read: async (take: Take) => void (await take(body)) }
      const facts = factsWith({ recipients: [BOB, ANN], given: [undefined, 'given@example.org'] })
      const route = { ...ROUTE, given: facts.given ?? [] }
      const wrapping = journalWrapping(facts, OPTIONS, randomBytes)
      const contents = () => queue.files.map((name) => queue.content(name).toString('latin1'))
      const one = journey()
      await one.prepare(
        realPreparer(systemDisk),
        original,
        [{ ...plan('T.1.tdc1'), route, wrapping }],
        WITHIN,
      )
      const [before = ''] = contents()
      one.settle(() => ({ kind: 'delivered', to: [ANN] }))
      while (queue.courier.holding === 0) await queue.idle()
      const [after = '', ...more] = contents()
      const [head = '', rest] = after.split('message/rfc822')
      assert.deepEqual(more, [])
      assert.match(head, /Recipient: ann@example.org, Forwarded: given@example.org\r\n\r\n/)
      assert.doesNotMatch(head, /bob@/)
      assert.equal(rest, before.split('message/rfc822')[1])
      const sent = queue.scheduler.find('T.1.tdc1')?.copy
      const size = after.length - after.indexOf('From: "Journal"')
      assert.equal(sent?.fileSize, after.length)
      assert.equal(sent?.size, size - (after.match(/^\.\./gm) ?? []).length)
    })

  it('a disk that fails for the copy for fewer: it names all, and says so', async () => {
    const one = journey()
    const narrow = () => Promise.reject(new Error('no space'))
    await one.prepare(
      preparing(() => [{ kind: 'copy', copy: queue.copy(), route: ROUTE, narrow }]),
      ORIGINAL,
      ONE,
      WITHIN,
    )
    one.settle(() => TO_BOB)
    await queue.idle()
    const enqueued = queue.events.find((event) => event.kind === 'enqueued')
    assert.deepEqual(queue.told(), ['prepared', 'problem', 'enqueued'])
    assert.deepEqual([enqueued?.doubt, queue.files.length], ['some', 1])
  })

  it('the client leaves while they are written anew: those that are there go, no file stays', async () => {
    const one = await prepared()
    let fate: Fate = OPEN
    const anew = preparing((signal) => {
      one.settle(() => fate)
      assert.equal(signal.aborted, true, 'the message is not read any more')
      return [copy()]
    })
    const why = await one.rewrite(anew, ORIGINAL, ONE, 10_000)
    assert.equal(why, 'the transaction ended meanwhile')
    fate = ALL
    await queue.clock.advance(100)
    await queue.idle()
    assert.deepEqual(queue.told(), ['prepared', 'enqueued'])
    const sent = queue.scheduler.find('T.1.tdc1')?.copy
    assert.deepEqual(queue.files, [sent?.place.filename])
  })

  for (const allOrNothing of [false, true]) {
    const story = allOrNothing ? 'so does what is durable already' : 'what is durable is kept'
    it(`a disk that hangs at the second copy: that one is missed, ${story}`, async () => {
      let wake = () => {}
      const hanging = new Promise<void>((resolve) => (wake = resolve))
      let created = 0
      const slow: Disk = {
        ...systemDisk,
        async create(path) {
          const file = await systemDisk.create(path)
          return ++created === 1 ? file : { ...file, sync: () => hanging.then(() => file.sync()) }
        },
      }
      const one = journey()
      const result = one.prepare(realPreparer(slow), ORIGINAL, TWO, {
        ...WITHIN,
        allOrNothing,
      })
      while (created < 2) await queue.idle()
      await queue.clock.advance(WITHIN.within)
      const why = 'writing the copy took too long (prepare_timeout)'
      assert.deepEqual(await result, { kind: 'failed', failures: [{ route: ROUTE, why }] })
      one.settle(() => (allOrNothing ? REFUSED : ALL))
      wake()
      while (queue.scheduler.has('T.1.tdc2')) await queue.idle()
      assert.deepEqual(queue.told(), allOrNothing ? ['withdrawn'] : ['prepared', 'enqueued'])
      assert.equal(queue.files.length, allOrNothing ? 0 : 1)
      assert.equal(queue.scheduler.has('T.1.tdc1'), !allOrNothing)
    })
  }

  it('a disk that hangs: few are held for it, the next are not begun, and all ends with it', async () => {
    const gate = new Gate()
    let begun = 0
    const create = async (path: string) => {
      begun++
      await gate.wait()
      return systemDisk.create(path)
    }
    const preparer = realPreparer({ ...systemDisk, create })
    const whys = async (from: number, to: number) => {
      const mids = Array.from({ length: to - from }, (_, i) => `T.${from + i}.tdc1`)
      const all = mids.map((mid) => journey().prepare(preparer, ORIGINAL, [plan(mid)], WITHIN))
      await queue.clock.advance(WITHIN.within)
      const results = await Promise.all(all)
      return results.map((result) => result.kind === 'failed' && result.failures[0]?.why)
    }
    const tooLong = 'writing the copy took too long (prepare_timeout)'
    assert.deepEqual([...new Set(await whys(0, 64))], [tooLong])
    await queue.clock.advance(4_999)
    assert.equal(queue.scheduler.size, 64)
    await queue.clock.advance(1)
    const hangs = 'the queue disk hangs, 64 messages that were given up are still being written'
    assert.deepEqual(await whys(64, 1_000), Array(936).fill(hangs))
    assert.deepEqual([begun, queue.scheduler.size], [64, 64])

    gate.open()
    while (queue.scheduler.size > 0) await queue.idle()
    assert.deepEqual(queue.files, [])
    const one = journey()
    assert.equal((await one.prepare(preparer, ORIGINAL, ONE, WITHIN)).kind, 'prepared')
    assert.equal(queue.clock.pending, 0)
  })

  it('clients that leave, however many, keep no other message from being written', async () => {
    const preparer = realPreparer(systemDisk)
    for (let i = 0; i < 200; i++) {
      const one = journey()
      const result = one.prepare(preparer, ORIGINAL, [plan(`T.${i}.tdc1`)], WITHIN)
      one.settle(() => LEFT)
      await result
    }
    const last = await journey().prepare(preparer, ORIGINAL, ONE, WITHIN)
    assert.equal(last.kind, 'prepared')
    await queue.clock.advance(5_000)
    await queue.idle()
    assert.equal((await journey().prepare(preparer, ORIGINAL, ONE, WITHIN)).kind, 'prepared')
  })

  it('writing takes too long: given up at the deadline', async () => {
    const one = journey()
    const preparer = preparing(
      (signal) =>
        new Promise((resolve) => {
          const why = () => (signal.reason as Error).message
          signal.addEventListener('abort', () => resolve([{ ...failure, why: why() }]))
        }),
    )
    const result = one.prepare(preparer, ORIGINAL, ONE, WITHIN)
    await queue.clock.advance(WITHIN.within)
    assert.deepEqual(await result, {
      kind: 'failed',
      failures: [{ route: ROUTE, why: 'writing the copy took too long (prepare_timeout)' }],
    })
    assert.equal(queue.clock.pending, 0)
  })

  it('its MID is taken before its file can appear, and free again when none did', async () => {
    const one = journey()
    const seen: boolean[] = []
    const preparer = preparing(() => {
      seen.push(...TWO.map(({ mid }) => queue.scheduler.has(mid)))
      return [copy('T.1.tdc1'), failure]
    })
    await one.prepare(preparer, ORIGINAL, TWO, WITHIN)
    assert.deepEqual(seen, [true, true])
    assert.deepEqual(
      TWO.map(({ mid }) => queue.scheduler.has(mid)),
      [true, false],
    )
  })

  it('one of two fails: the other is kept, unless it is all or nothing', async () => {
    for (const allOrNothing of [false, true]) {
      const one = journey()
      const preparer = preparing(() => [copy('T.1.tdc1'), failure])
      const result = await one.prepare(preparer, ORIGINAL, TWO, { ...WITHIN, allOrNothing })
      assert.equal(result.kind, 'failed')
      one.settle(() => ALL)
      await queue.idle()
      assert.deepEqual(queue.told(), allOrNothing ? ['withdrawn'] : ['prepared', 'enqueued'])
    }
  })

  it('queued while they are written: reading stops, the routes without a copy are named', async () => {
    const one = journey()
    let missed: readonly unknown[] = []
    const preparer = preparing(async (signal) => {
      missed = missedBy(one)
      assert.equal(signal.aborted, true)
      return [copy()]
    })
    const result = await one.prepare(preparer, ORIGINAL, ONE, WITHIN)
    await queue.idle()
    assert.deepEqual([result.kind, missed], ['over', [ROUTE]])
    assert.deepEqual([queue.told(), queue.files], [['withdrawn'], []])
  })

  it('do not age until the original is queued', async () => {
    const one = journey()
    await one.prepare(
      preparing(() => [copy()]),
      ORIGINAL,
      ONE,
      WITHIN,
    )
    await queue.clock.advance(queue.options.maxAge + 1)
    one.settle(() => ALL)
    assert.deepEqual([queue.courier.holding, queue.commands.find('T.1.tdc1')?.ageMs], [1, 0])
    await queue.clock.advance(queue.options.maxAge - 1)
    assert.deepEqual(queue.told(), ['prepared', 'enqueued'])
    await queue.clock.advance(1)
    await queue.idle()
    assert.deepEqual(queue.told(), ['expired'])
  })

  it('queued by a plugin before our turn: the routes without a copy are named', async () => {
    const one = journey()
    assert.deepEqual(missedBy(one), [ROUTE])
    one.settle(() => ALL)
    assert.deepEqual(queue.told(), [])
  })
})
