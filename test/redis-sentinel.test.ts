import assert from 'node:assert/strict'
import { redisAddress, type RedisHost, withTlsFiles } from '../plugins/tdc/haraka/redis-ini'
import { agreedPrimary } from '../plugins/tdc/haraka/redis-sentinel'
import { SILENT } from '../plugins/tdc/queue/shared/orphans'
import { needRedis } from './cluster/redis-server'
import { WatchedRedis } from './cluster/watched-redis'
import { comesTrue } from './support/comes-true'
import { pass, type RedisIni, SharedProcess } from './support/shared-process'

describe('redis.ini with Sentinels', () => {
  const of = (host: string): RedisHost => ({ host, port: 6379 })
  const [A, B, C] = [of('a'), of('b'), of('c')]

  it('hosts and the name that they have for the primary', () => {
    const { sentinels, server } = redisAddress(
      { database: 2, password: 1234, socket: { path: '/run/redis.sock' } },
      {
        hosts: '192.0.2.1, redis2:26380 [2001:db8::1]:5000,[2001:db8::2]',
        master: 7,
        password: 'x',
      },
    )
    assert.deepEqual(sentinels?.hosts, [
      { host: '192.0.2.1', port: 26379 },
      { host: 'redis2', port: 26380 },
      { host: '2001:db8::1', port: 5000 },
      { host: '2001:db8::2', port: 26379 },
    ])
    assert.equal(sentinels.master, '7')
    assert.deepEqual(sentinels.options, { password: 'x', socket: { tls: false } })
    assert.deepEqual(server, { database: 2, password: '1234', socket: { tls: false } })
  })

  const refused: readonly [name: string, ini: RedisIni, sentence: RegExp][] = [
    ['no name', { sentinel: { hosts: 'a' } }, /\[sentinel\] needs both hosts= and master=/],
    ['no hosts', { sentinel: { master: 'm' } }, /\[sentinel\] needs both hosts= and master=/],
    ['a port', { sentinel: { hosts: 'a:0', master: 'm' } }, /hosts= has a:0, which is no host/],
    ['an address', { sentinel: { hosts: 'fe80::1', master: 'm' } }, /fe80::1, which is no host/],
    [
      'too many',
      { sentinel: { hosts: 'a '.repeat(33), master: 'm' } },
      /hosts= has 33; at most 32/,
    ],
    ['tls', { server: { socket: { tls: 'required' } } }, /tls=required must be true or false/],
    [
      'a file',
      { server: { ca: '/nowhere.pem', socket: { tls: 'true' } } },
      /ca=\/nowhere\.pem cannot be read: ENOENT/,
    ],
  ]
  for (const [name, { server = {}, sentinel }, sentence] of refused) {
    it(`refuses ${name} with a sentence`, () => {
      assert.throws(() => withTlsFiles(redisAddress(server, sentinel).server), sentence)
    })
  }

  const away = () => Promise.reject<RedisHost>(new Error('away'))
  const never = () => new Promise<RedisHost>(() => {})
  const says = (host: RedisHost) => () => Promise.resolve(host)
  const votes: readonly [
    name: string,
    answers: (() => Promise<RedisHost>)[],
    primary: RedisHost | undefined,
  ][] = [
    ['all say the same', [A, A, A].map(says), A],
    ['one was cut off, and is the first', [B, A, A].map(says), A],
    ['the others are away', [away, says(A), away], A],
    ['one that says nothing is not waited for', [never, says(A), says(A)], A],
    ['no two agree', [C, B, A].map(says), C],
  ]
  for (const [name, answers, primary] of votes) {
    it(`the primary, when ${name}`, async () => {
      assert.deepEqual(await agreedPrimary(answers.map((answer) => answer())), primary)
    })
  }

  it('and there is none when none knows it', async () => {
    await assert.rejects(agreedPrimary([away(), away()]), /away/)
  })
})

describe('the shared queue with a primary, a replica and three Sentinels', function () {
  this.timeout(120_000)
  let redis: WatchedRedis
  let processes: SharedProcess[] = []

  before(async function () {
    needRedis(this)
    redis = await WatchedRedis.start()
  })
  beforeEach(async () => {
    await redis.whole()
    const primary = await redis.primary()
    await primary.command('FLUSHALL')
  })
  afterEach(() => {
    for (const each of processes) each.close()
    processes = []
  })
  after(() => redis?.close())

  async function started(machine: string): Promise<SharedProcess> {
    const made = new SharedProcess(redis.sections, machine)
    processes.push(made)
    await made.start()
    assert.ok(await comesTrue(() => made.store.takes(1), 10_000))
    return made
  }

  const kinds = ({ queue }: SharedProcess) =>
    queue.events.map(({ kind }) => kind).filter((kind) => kind.startsWith('queue-'))

  it('kill -9 of the primary: the queue goes on at the other, with every copy once', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    one.replicas = two.replicas = 1
    await one.add('delivered meanwhile')
    await one.add('before')
    await one.add('attempted')
    one.store.shared.note(
      one.queue.scheduler.find('attempted')?.copy.stored?.copy ?? { name: '' },
      1,
    )
    await one.quiet()
    await redis.failover()
    one.delivered('delivered meanwhile')
    one.replicas = two.replicas = 0
    await pass(processes, 6_000)
    assert.ok(one.store.takes(1))
    await one.add('after')
    assert.deepEqual([kinds(one), kinds(two)], [AWAY_AND_BACK, AWAY_AND_BACK])
    one.isStopped = true
    await pass([two], SILENT + 7_000)
    assert.deepEqual(two.sending, ['after', 'attempted', 'before'])
    assert.equal(two.queue.scheduler.find('attempted')?.copy.failedAttempts, 1)
    assert.deepEqual(one.sending, two.sending)
  })

  it('a primary that is demoted refuses: that is away, and over when the new one is found', async () => {
    const one = await started('mx1')
    await one.add('before')
    await redis.demote()
    const { name, content } = one.queue.record('during')
    const { signal } = new AbortController()
    await assert.rejects(
      Promise.all([
        one.store.append({ name, content }, signal),
        one.quiet().then(() => one.queue.clock.advance(1_000)),
      ]),
    )
    await pass(processes, 6_000)
    assert.deepEqual(kinds(one), AWAY_AND_BACK)
    await one.add('after')
    const two = await started('mx2')
    one.isStopped = true
    await pass([two], SILENT + 7_000)
    assert.deepEqual(two.sending, ['after', 'before'])
  })
})

const AWAY_AND_BACK = ['queue-away', 'queue-back']
