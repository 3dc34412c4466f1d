import assert from 'node:assert/strict'
import { createClient } from 'redis'
import { clusterView } from '../plugins/tdc/cluster/cluster-view'
import { LONGEST_REPORT, reportText, shownStatus } from '../plugins/tdc/cluster/machine-report'
import { redisStore, type Store } from '../plugins/tdc/cluster/redis-store'
import { LONGEST_DOCUMENT } from '../plugins/tdc/cluster/shared-document'
import { RedisServer, needRedis } from './cluster/redis-server'
import { statusWith } from './support/status'

const MB = 1024 * 1024

/** Against a real Redis, in which anybody may have written anything. */
describe('what is read from Redis', function () {
  this.timeout(30_000)
  let redis: RedisServer
  let client: ReturnType<typeof createClient>
  let store: Store
  /** Octets of the longest reply so far. */
  let longest = 0

  before(async function () {
    needRedis(this)
    redis = await RedisServer.start()
    client = createClient({ socket: { host: '127.0.0.1', port: redis.port } })
    await client.connect()
    store = redisStore(
      async (words) => {
        const reply: unknown = await client.sendCommand([...words])
        longest = Math.max(longest, JSON.stringify(reply ?? null).length)
        return reply
      },
      () => 'tdc',
    )
  })
  beforeEach(async () => {
    longest = 0
    await client.flushAll()
  })
  after(async () => {
    client?.destroy()
    await redis?.close()
  })

  const report = (instance: string) =>
    reportText({ instance, status: shownStatus(statusWith(), false), messages: [] }) ?? ''

  it('is a report and its time, whole', async () => {
    assert.equal(await store.report('mx1', report('1')), '')
    assert.match(await store.report('mx1', report('2')), /^{"instance":"1"/)
    const { now, reports } = await store.reports()
    assert.deepEqual(
      reports.map(({ machine, text }) => [machine, text]),
      [['mx1', report('2')]],
    )
    assert.ok(Math.abs(now - (reports[0]?.at ?? 0)) < 5_000)
  })

  it('no more of the shared settings than they can be', async () => {
    await client.set('tdc:settings', 'x'.repeat(20 * MB))
    assert.equal((await store.head()).length, 160)
    assert.equal((await store.document()).length, LONGEST_DOCUMENT + 1)
    assert.ok(longest < LONGEST_DOCUMENT + 10)
  })

  it('leaves a report out that is too long, or is none, and names its machine', async () => {
    await store.report('mx1', report('1'))
    await store.report('long', 'x'.repeat(LONGEST_REPORT + 1))
    await store.report('list', '')
    await client.del('tdc:machine:list')
    await client.rPush('tdc:machine:list', 'x')
    const view = await clusterView(await store.reports())
    assert.equal(view.machines.length, 3)
    const wrong = Object.fromEntries(view.machines.map(({ machine, wrong }) => [machine, wrong]))
    assert.equal(wrong['mx1'], null)
    assert.equal(wrong['list'], 'it is no text')
    assert.match(wrong['long'] ?? '', /^it has 1048577 octets; at most 1048576 are read/)
    assert.notEqual(view.total, null)
    assert.ok(longest < 10_000, `${longest} octets`)
  })

  it('of many reports as much as there is room for, of the newest first', async () => {
    for (let i = 0; i < 70; i++) await store.report(`mx${i}`, 'x'.repeat(MB))
    const { reports } = await store.reports()
    const read = reports.filter(({ text }) => text !== null)
    assert.deepEqual([reports.length, read.length], [70, 64])
    assert.deepEqual([read[0]?.machine, reports.at(-1)?.machine], ['mx69', 'mx0'])
    assert.match(reports.at(-1)?.leftOut ?? '', /all together 67108864/)
  })

  it('five hundred machines, however many there are, with as much of their names', async () => {
    const members = Array.from({ length: 5_000 }, (_, score) => ({
      score,
      value: `machine${score}`,
    }))
    await client.zAdd('tdc:machines', [...members, { score: 9e9, value: 'n'.repeat(5 * MB) }])
    const { reports } = await store.reports()
    assert.equal(reports.length, 500)
    assert.deepEqual([reports[0]?.machine, reports[1]?.machine], ['n'.repeat(300), 'machine4999'])
    assert.ok(longest < 20_000, `${longest} octets`)
  })
})
