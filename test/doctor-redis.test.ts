import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../plugins/tdc/clock'
import { diagnoseRedis } from '../plugins/tdc/doctor/redis-look'
import { readStandalone } from '../plugins/tdc/haraka/standalone-settings'
import { RedisServer, needRedis } from './cluster/redis-server'
import { makeTempDir } from './support/temp-dir'

describe('the doctor asks Redis', () => {
  let redis: RedisServer

  before(async function () {
    needRedis(this)
    redis = await RedisServer.start()
  })

  after(() => redis?.close())

  /** What is said of the Redis of a server directory with this redis.ini. */
  async function said(ini: string, holdsCopies = false): Promise<string[]> {
    const directory = makeTempDir('doctor-redis')
    mkdirSync(join(directory, 'config'))
    writeFileSync(join(directory, 'config', 'redis.ini'), ini)
    const { HARAKA } = process.env
    const { connectRedis } = await readStandalone(directory)
    // It is for this directory; what other tests start has its own.
    if (HARAKA === undefined) delete process.env['HARAKA']
    else process.env['HARAKA'] = HARAKA
    const found = await diagnoseRedis(connectRedis, holdsCopies, systemClock)
    assert.ok(found.every(({ grave }) => !grave))
    return found.map(({ text }) => text)
  }

  it('which answers', async () => {
    assert.deepEqual(await said(redis.ini), [])
    assert.deepEqual(await said(redis.ini, true), [])
  })

  it('which throws copies away when it is full', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    assert.deepEqual(await said(redis.ini), [], 'no copies are in it')
    const [text = ''] = await said(redis.ini, true)
    assert.match(text, /^maxmemory-policy .* is allkeys-lru: it throws copies away/)
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  })

  it('which wants a password', async () => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'secret')
    const [text = ''] = await said(redis.ini)
    assert.match(text, /^the Redis of config\/redis\.ini: .*NOAUTH/)
    assert.deepEqual(await said(`${redis.ini}password=secret\n`), [])
    await redis.command('-a', 'secret', 'CONFIG', 'SET', 'requirepass', '')
  })

  it('which answers nothing', async () => {
    redis.pause()
    const [text = ''] = await said(redis.ini)
    redis.go()
    assert.equal(text, 'the Redis of config/redis.ini: no answer in 3 seconds')
  })

  it('which is not there', async () => {
    await redis.kill9()
    const [text = ''] = await said(redis.ini)
    assert.match(text, /^the Redis of config\/redis\.ini: .*ECONNREFUSED/)
  })
})
