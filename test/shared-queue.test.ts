import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { Copy } from '../plugins/tdc/queue/copy'
import { SILENT } from '../plugins/tdc/queue/shared/orphans'
import { LONGEST_SHARED, type SendOctets } from '../plugins/tdc/queue/shared/redis-queue'
import type { Owner } from '../plugins/tdc/queue/shared/owner'
import { RedisServer, needRedis } from './cluster/redis-server'
import { comesTrue } from './support/comes-true'
import { NOTES } from './support/queue'
import { pass, SharedProcess } from './support/shared-process'

/** Milliseconds after which the copies of a process that ended are another's, at the latest. */
const TAKEN_OVER = SILENT + 7_000

/** Real milliseconds for a Redis that answers nobody. */
const IMPATIENT = 200

describe('the queue that machines share', function () {
  this.timeout(60_000)
  let redis: RedisServer
  let processes: SharedProcess[] = []

  before(async function () {
    needRedis(this)
    redis = await RedisServer.start()
  })
  beforeEach(async () => {
    await redis.command('FLUSHALL')
  })
  afterEach(() => {
    for (const each of processes) each.close()
    processes = []
  })
  after(() => redis?.close())

  async function started(machine: string): Promise<SharedProcess> {
    const made = new SharedProcess(redis.sections, machine)
    processes.push(made)
    return made.start()
  }

  const wait = (ms: number) => pass(processes, ms)
  const lines = ({ queue }: SharedProcess, kind: string) =>
    queue.events.filter((event) => event.kind === kind)
  const warnings = ({ queue }: SharedProcess) =>
    queue.events.flatMap((event) => (event.kind === 'warning' ? event.text : []))
  const ownerOf = (process: SharedProcess) =>
    (process.store as unknown as { owner: Owner }).owner.name
  const streamOf = (process: SharedProcess) => `tdc:queue:${ownerOf(process)}`

  it('a machine that is gone: another has its copies, with their age and attempts', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('fresh')
    await one.add('tried')
    await wait(10_000)
    one.queue.courier.answer(
      { kind: 'failed', dcid: 0, failure: { kind: 'network', details: 'error', reason: 'away' } },
      one.queue.courier.held.find(({ mid }) => mid === 'tried'),
    )
    await one.quiet()
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['fresh', 'tried'])
    const { scheduler } = two.queue
    const tried = scheduler.find('tried')?.copy
    assert.equal(tried?.failedAttempts, 1)
    const sent = await tried?.content()
    assert.deepEqual(sent, one.queue.record('tried').content.subarray(-100))
    assert.deepEqual(
      warnings(two).map((text) => text.replace(/mx1\S+/, 'OWNER')),
      ['2 copies of OWNER are taken over, which does not report any more'],
    )
    two.delivered('fresh')
    two.delivered('tried')
    await wait(1_000)
    assert.deepEqual([...two.store.list()], [])
    assert.equal(await redis.command('XLEN', streamOf(two)), '0')
    assert.equal(await redis.command('EXISTS', streamOf(one)), '0')
  })

  it('age is that by the clock of Redis, whatever the machines think the time is', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    two.queue.clock.setWall(Date.UTC(2031, 0, 1))
    await one.add('first')
    one.isStopped = true
    await wait(TAKEN_OVER)
    const copy = two.queue.scheduler.find('first')?.copy
    assert.ok(copy)
    // Little of Redis's own time has passed in this test.
    assert.ok(two.queue.scheduler.age(copy) < 60_000)
  })

  it('a machine that comes back sends nothing of what was taken over', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    const waiting = await one.add('waiting')
    await one.add('sent')
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['sent', 'waiting'])
    one.isStopped = false
    // Its clock has stood still, or not: it is asked either way before anything goes out.
    await one.queue.clock.advance(30_000)
    await assert.rejects(async () => waiting.content(), /another machine has taken the copy over/)
    await wait(4_000)
    assert.deepEqual(one.sending, [])
    assert.equal(lines(one, 'vanished').length, 2)
    await one.add('new')
    assert.equal(await redis.command('XLEN', streamOf(one)), '1')
    two.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(one.sending, ['new', 'sent', 'waiting'])
  })

  it('a machine that was only slow has its copies still', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    const copy = await one.add('slow')
    one.isStopped = true
    await wait(SILENT - 4_000)
    one.isStopped = false
    await one.queue.clock.advance(SILENT - 4_000)
    assert.ok(Buffer.isBuffer(await copy.content()))
    await wait(TAKEN_OVER)
    assert.deepEqual([one.sending, two.sending], [['slow'], []])
  })

  it('a virtual machine that was paused, and its clocks with it, sends nothing of what was taken over', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    const copy = await one.add('waiting')
    await wait(4_000)
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['waiting'])
    await assert.rejects(async () => copy.content(), /another machine has taken the copy over/)
  })

  it('nor does one whose connection broke meanwhile: Redis is asked over another one', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    const copy = await one.add('waiting')
    await wait(4_000)
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['waiting'])
    one.before = () => {
      one.before = () => {}
      return Promise.reject(new Error('the connection broke'))
    }
    await assert.rejects(async () => copy.content(), /another machine has taken the copy over/)
  })

  it('a process that was stopped for longer than its copies live ends none that another has', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('waiting')
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['waiting'])
    one.queue.clock.freeze(one.queue.options.maxAge)
    one.isStopped = false
    await wait(4_000)
    const told = one.queue.events.map(({ kind }) => kind)
    assert.deepEqual([told.includes('expired'), told.includes('vanished')], [false, true])
  })

  it('machines that were all stopped together take nothing of each other', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('first')
    await wait(6_000)
    // The one that was stopped itself looks before the other has said anything.
    two.queue.clock.freeze(60_000)
    one.isStopped = true
    await wait(1_000)
    one.isStopped = false
    await wait(TAKEN_OVER)
    assert.deepEqual([one.sending, two.sending], [['first'], []])
  })

  it('the moment of a copy is that of Redis, also when the clock of its machine was just set', async () => {
    const one = await started('mx1')
    one.queue.clock.setWall(Date.UTC(2020, 0, 1))
    await one.add('first')
    const written = (await redis.command('XRANGE', streamOf(one), '-', '+')).split('\n').at(-1)
    const now = Number((await redis.command('TIME')).split('\n')[0]) * 1000
    assert.ok(Math.abs(now - Number(written)) < 60_000, `${written} at ${now}`)
  })

  it('each copy has one machine, however many look for them', async () => {
    const one = await started('mx1')
    const mids = Array.from({ length: 300 }, (_, at) => `T.${at}`)
    await Promise.all(mids.map((mid) => one.add(mid)))
    const others = await Promise.all(['mx2', 'mx3', 'mx4'].map((name) => started(name)))
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(others.flatMap(({ sending }) => sending).sort(), mids.sort())
  })

  it('a clock of Redis that is set makes nobody silent', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('first')
    await wait(3_000)
    await redis.command('ZADD', 'tdc:queue:owners', '5', ownerOf(one))
    await wait(SILENT + 10_000)
    assert.deepEqual([one.sending, two.sending], [['first'], []])
  })

  /** What Redis does, and what is over with it. */
  const TROUBLES: readonly {
    readonly name: string
    readonly begin: () => Promise<unknown>
    readonly end: () => Promise<unknown>
    /** What it had is there afterwards. */
    readonly keeps: boolean
  }[] = [
    {
      name: 'is killed, and comes back empty',
      begin: () => redis.kill9(),
      end: () => redis.start(),
      keeps: false,
    },
    {
      name: 'answers nobody',
      begin: async () => redis.pause(),
      end: async () => redis.go(),
      keeps: true,
    },
    {
      name: 'is full',
      begin: () => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
      end: () => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
      keeps: true,
    },
    {
      name: 'is a replica since a failover',
      begin: () => redis.command('REPLICAOF', '127.0.0.1', '1'),
      end: () => redis.command('REPLICAOF', 'NO', 'ONE'),
      keeps: true,
    },
    {
      name: 'is emptied',
      begin: () => redis.command('FLUSHALL'),
      end: async () => {},
      keeps: false,
    },
    {
      name: 'has something else under our names',
      begin: async () => {
        const keys = (await redis.command('KEYS', 'tdc:queue:*')).split('\n').filter(Boolean)
        for (const key of keys) await redis.command('SET', key, 'x')
      },
      end: () => redis.command('FLUSHALL'),
      keeps: false,
    },
  ]
  for (const { name, begin, end, keeps } of TROUBLES) {
    it(`Redis ${name}: the local store has what comes, and nothing is lost or doubled`, async () => {
      const one = await started('mx1')
      one.patience = IMPATIENT
      await one.add('ended')
      await one.add('before')
      await begin()
      one.delivered('ended')
      const refused = await Promise.all([
        refusal(one, 'during'),
        // The clock is moved by hand, and with it the time for an answer.
        one.quiet().then(() => one.queue.clock.advance(1_000)),
      ])
      assert.match(refused[0], /./)
      assert.equal(one.store.takes(1), false)
      await wait(2_000)
      assert.equal(lines(one, 'queue-away').length <= 1, true)
      await end()
      await wait(8_000)
      assert.equal(one.store.takes(1), true)
      const told = [lines(one, 'queue-away').length, lines(one, 'queue-back').length]
      assert.deepEqual(told, [1, 1])
      await one.add('after')
      const inFiles = () =>
        readdirSync(one.queue.path).filter((file) => one.queue.directory.isOwnName(file)).length
      const expected = keeps ? 0 : 1
      const isSo = await comesTrue(() => inFiles() === expected, 5_000)
      assert.ok(isSo, 'what Redis has lost, and nothing else, has its queue file')
      const two = await started('mx2')
      one.isStopped = true
      await wait(TAKEN_OVER)
      assert.deepEqual(two.sending, keeps ? ['after', 'before'] : ['after'])
    })
  }

  async function refusal(process: SharedProcess, mid: string): Promise<string> {
    const { name, content } = process.queue.record(mid)
    const record = { name, content }
    return process.store.append(record, new AbortController().signal).then(() => '', String)
  }

  const unanswered: (words: Parameters<SendOctets>[0], send: SendOctets) => Promise<never> = (
    words,
    send,
  ) => send(words).then(() => Promise.reject(new Error('the connection broke')))

  const isTakeover = ([, script]: Parameters<SendOctets>[0]) =>
    String(script).includes('own_tombstone')

  it('a copy of which no answer came is ended there, before anybody can take it over', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    one.before = (words, send) => {
      if (words[0] !== 'XADD') return
      one.before = () => {}
      return unanswered(words, send)
    }
    assert.match(await refusal(one, 'doubtful'), /the connection broke/)
    await wait(4_000)
    assert.equal(await redis.command('XLEN', streamOf(one)), '0')
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, [])
  })

  it('store=local by a reload: what waits stays, what may have come to Redis is ended, the outage is over', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    one.before = (words, send) => {
      if (words[0] !== 'XADD') return
      one.before = () => Promise.reject(new Error('away'))
      return unanswered(words, send)
    }
    assert.match(await refusal(one, 'doubtful'), /the connection broke/)
    one.kind = 'local'
    await wait(5_000)
    assert.deepEqual([one.store.takes(1), one.store.trouble], [false, null])
    one.before = () => {}
    await wait(TAKEN_OVER + 5_000)
    assert.deepEqual(two.sending, [])
    assert.equal(await redis.command('XLEN', streamOf(one)), '0')
    assert.equal(lines(one, 'queue-back').length, 1)
    await wait(70_000)
    one.kind = 'redis'
    await wait(4_000)
    assert.equal(one.store.trouble, null)
    await one.add('after')
    assert.equal(lines(one, 'queue-away').length, 1)
  })

  it('store=local by a reload: a machine that drains takes nothing over, nor does one that ends, but another', async () => {
    const [one, two, ending] = [await started('mx1'), await started('mx2'), await started('mx3')]
    await one.add('left')
    await two.add('draining')
    two.kind = 'local'
    ending.store.leave()
    one.isStopped = true
    const four = await started('mx4')
    await wait(TAKEN_OVER)
    const all = [two, ending, four].map(({ sending }) => sending)
    assert.deepEqual(all, [['draining'], [], ['left']])
  })

  it('a machine that drains, and has nothing of its own, sends what it has taken over without an answer', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('moved')
    two.before = (words, send) => {
      if (!isTakeover(words)) return
      two.kind = 'local'
      return unanswered(words, send)
    }
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['moved'])
  })

  it('a machine that drains sends what it has taken over, also when it heard no answer to that', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('moved')
    await two.add('draining')
    let lost = 0
    two.before = (words, send) => {
      if (!isTakeover(words)) return
      lost++
      two.kind = 'local'
      return unanswered(words, send)
    }
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual([lost, two.sending], [1, ['draining', 'moved']])
  })

  it('what was taken over and is lost by Redis in the same moment gets its file', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('moved')
    two.before = async (words, send) => {
      if (!isTakeover(words)) return
      const answer = await send(words)
      await redis.command('FLUSHALL')
      await (two.store as unknown as { ask(): Promise<void> }).ask()
      return answer
    }
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['moved'])
    const { directory } = two.queue
    const isFiled = () => two.queue.files.some((file) => directory.isOwnName(file))
    assert.ok(await comesTrue(isFiled, 5_000))
  })

  const fails = () => Promise.reject(new Error('the connection broke'))

  /** Two machines, of which one was given another place for its copies while one of them waited. */
  async function staysUntilItEnds(
    change: (one: SharedProcess) => void,
  ): Promise<readonly [SharedProcess, SharedProcess]> {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('waiting')
    const stream = streamOf(one)
    change(one)
    one.before = fails
    await wait(4_000)
    one.before = () => {}
    await wait(TAKEN_OVER)
    assert.deepEqual([one.sending, two.sending, one.store.takes(1)], [['waiting'], [], false])
    assert.equal(await redis.command('XLEN', stream), '1')
    one.delivered('waiting')
    await wait(70_000)
    assert.equal(await redis.command('XLEN', stream), '0')
    await one.add('new')
    assert.deepEqual(two.sending, [])
    return [one, two]
  }

  it('another prefix by a reload: what waits stays under the old one, until it ends', async () => {
    const [one] = await staysUntilItEnds((process) => (process.prefix = 'other'))
    assert.equal(await redis.command('XLEN', `other:queue:${ownerOf(one)}`), '1')
  })

  describe('redis.ini names another Redis', () => {
    let other: RedisServer
    before(async () => {
      other = await RedisServer.start()
    })
    beforeEach(() => other.command('FLUSHALL'))
    after(() => other?.close())
    const lengthAt = (server: RedisServer, process: SharedProcess) =>
      server.command('XLEN', streamOf(process))

    it('on one machine: what waits stays where it is until it ends, and is sent once', async () => {
      const [one] = await staysUntilItEnds((process) => process.reload(other.sections))
      assert.equal(await lengthAt(other, one), '1')
    })

    it('which has taken the place of the first: it has the copies, and they go on there', async () => {
      const [one, two] = [await started('mx1'), await started('mx2')]
      one.replicas = 1
      await other.command('REPLICAOF', '127.0.0.1', String(redis.port))
      let isThere = false
      for (let tries = 0; !isThere && tries < 100; tries++) {
        if (one.store.takes(1)) isThere = (await refusal(one, 'waiting')) === ''
        else await wait(2_000)
      }
      assert.ok(isThere)
      await redis.kill9()
      await other.command('REPLICAOF', 'NO', 'ONE')
      one.replicas = 0
      one.reload(other.sections)
      two.reload(other.sections)
      await wait(6_000)
      await redis.start()
      assert.ok(one.store.takes(1))
      assert.deepEqual([await lengthAt(other, one), two.sending], ['1', []])
    })

    it('and the first does not come back: copies go to the new one a minute after the last has ended', async () => {
      const one = await started('mx1')
      await one.add('waiting')
      await redis.kill9()
      one.reload(other.sections)
      await wait(10_000)
      assert.deepEqual([one.sending, one.store.takes(1)], [['waiting'], false])
      one.delivered('waiting')
      await wait(70_000)
      await redis.start()
      await one.add('new')
      assert.equal(await lengthAt(other, one), '1')
    })
  })

  it('an answer to another command is none to this one', async () => {
    const one = await started('mx1')
    one.before = (words) => (words[0] === 'XADD' ? Promise.resolve(Buffer.from('OK')) : undefined)
    assert.match(await refusal(one, 'another'), /makes no sense/)
  })

  it('a takeover of which no answer came is found in its own stream', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('first')
    let lost = 0
    two.before = (words, send) => {
      if (!isTakeover(words) || lost > 0) return
      lost++
      return unanswered(words, send)
    }
    one.isStopped = true
    await wait(TAKEN_OVER + 6_000)
    assert.deepEqual([lost, two.sending], [1, ['first']])
  })

  it('a takeover that lasts: the line is slow, and nobody takes who takes over for gone', async () => {
    const [one, two, three] = [await started('mx1'), await started('mx2'), await started('mx3')]
    const mids = Array.from({ length: 300 }, (_, at) => `T.${at}`)
    await Promise.all(mids.map((mid) => one.add(mid)))
    // It would help, but looks at the other one only.
    three.before = (words) =>
      isTakeover(words) && words.includes(ownerOf(one))
        ? Promise.resolve(['alive', '0', [], '0'])
        : undefined
    one.isStopped = true
    two.patience = IMPATIENT
    let takes = 0
    two.before = async (words, send) => {
      if (!isTakeover(words)) return
      takes++
      const answer = await send(words)
      // Nobody hears this process meanwhile.
      await new Promise<void>((resolve) => void two.queue.clock.after(4_000, resolve))
      return answer
    }
    await wait(SILENT + 25_000)
    assert.ok(takes > 4, `${takes} takeovers`)
    assert.deepEqual(two.sending, mids.sort())
    assert.deepEqual(three.sending, [])
    assert.deepEqual(lines(two, 'queue-away'), [])
  })

  it('what somebody wrote in place of the failed attempts costs a number, and doubles no copy', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('tried')
    const [entry] = (await redis.command('XRANGE', streamOf(one), '-', '+')).split('\n')
    await redis.command('HSET', `${streamOf(one)}:attempts`, String(entry), '1')
    await redis.command('SET', `${streamOf(two)}:attempts`, 'a text')
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['tried'])
    assert.equal(await redis.command('EXISTS', streamOf(one)), '0')
  })

  it('what is no copy is set aside with a line, and the copies beside it go on', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    await one.add('good')
    const stream = streamOf(one)
    const fields = Array.from({ length: 40 }, (_, at) => String(at))
    await redis.command('XADD', stream, '1000-0', ...fields)
    await redis.command('XADD', stream, '1001-0', 'n', 'x', 'c', 'no head', 't', '1')
    const long = 'x'.repeat(LONGEST_SHARED + 1)
    const script = `redis.call('XADD', KEYS[1], '1002-0', 'n', 'x', 'c', string.rep('x', ${long.length}), 't', '1')`
    await redis.command('EVAL', script, '1', stream)
    await redis.command('ZADD', 'tdc:queue:owners', '1', 'another')
    await redis.command('SET', 'tdc:queue:another', 'a text')
    one.isStopped = true
    await wait(TAKEN_OVER)
    assert.deepEqual(two.sending, ['good'])
    const damaged = two.queue.events.flatMap((each) => (each.kind === 'damaged' ? each.why : []))
    assert.deepEqual(damaged, ['its head is not complete; Redis has it under aside'])
    assert.equal(warnings(two).filter((text) => /are no copies/.test(text)).length, 2)
    assert.equal(await redis.command('XLEN', 'tdc:queue:aside'), '1')
    assert.equal(await redis.command('XLEN', `tdc:queue:aside:${ownerOf(one)}`), '2')
    assert.equal(lines(two, 'queue-away').length, 0)
  })

  it('a name out of Redis leads nowhere but into the queue directory', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    const uniques = ['tdc00000000./../../../up', 'tdc00000001.\nTDC: a line', '../../up', '\0']
    const hostile = ['', ...uniques.map((unique) => `1_1_0_1_${unique}_1_host`)]
    for (const [at, name] of hostile.entries()) {
      const { content } = one.queue.record(`T.${at}`)
      const { signal } = new AbortController()
      await one.store.append({ name, content }, signal)
    }
    one.isStopped = true
    await wait(TAKEN_OVER)
    const names = two.queue.courier.held.map(
      ({ mid }) => two.queue.scheduler.find(mid)?.copy.place.filename ?? '',
    )
    assert.equal(names.length, hostile.length)
    assert.deepEqual(lines(two, 'queue-away'), [])
    for (const name of names) assert.match(name, /^[\w.-]+$/)
  })

  it('what Redis has lost gets its file, its original queued or not, as soon as the disk takes it', async () => {
    const one = await started('mx1')
    await one.add('scheduled')
    const { start, ...record } = one.queue.record('prepared')
    const stored = await one.store.append(record, new AbortController().signal)
    const place = { filename: record.name, folder: one.queue.path, start }
    const copy = new Copy('prepared', NOTES, place, 0, record.content.subarray(start))
    copy.stored = { store: one.store, copy: stored }
    one.queue.scheduler.lease(copy)
    const { create } = one.queue.disk
    const full = () => Promise.reject(Object.assign(new Error(), { code: 'ENOSPC' }))
    one.queue.disk.create = full
    await redis.command('FLUSHALL')
    await wait(8_000)
    one.queue.disk.create = create
    await wait(8_000)
    const { directory } = one.queue
    const isFiled = () => one.queue.files.filter((file) => directory.isOwnName(file)).length === 2
    assert.ok(await comesTrue(isFiled, 5_000))
    assert.ok(await comesTrue(() => copy.stored === undefined, 5_000))
  })

  it('with replicas a copy is there when they have it', async () => {
    const one = await started('mx1')
    one.replicas = 1
    assert.match(await refusal(one, 'alone'), /0 of 1 replicas have it/)
    assert.equal(lines(one, 'queue-away').length, 1)
    await wait(4_000)
    assert.equal(one.store.takes(1), false, 'it is not tried again as long as there is none')
    const replica = await RedisServer.start()
    await replica.command('REPLICAOF', '127.0.0.1', String(redis.port))
    // A replica on a busy machine may be late for one; that one is ended, and the next is tried.
    let isThere = false
    for (let tries = 0; !isThere && tries < 100; tries++) {
      if (one.store.takes(1))
        isThere = await one.add(`copy.${tries}`).then(
          () => true,
          () => false,
        )
      else await wait(2_000)
    }
    assert.ok(isThere)
    assert.equal(await replica.command('XLEN', streamOf(one)), '1')
    await replica.close()
  })
})
