import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../plugins/tdc/clock'
import { Link, redisStore } from '../plugins/tdc/cluster/redis-store'
import { diagnoseRedis } from '../plugins/tdc/doctor/redis-look'
import type { Owner } from '../plugins/tdc/queue/shared/owner'
import { SILENT } from '../plugins/tdc/queue/shared/orphans'
import { RedisServer, needRedis } from './cluster/redis-server'
import { createAuthority, type KeyAndCertificate } from './support/certificates'
import { comesTrue } from './support/comes-true'
import { textOf } from './support/documents'
import { pass, SharedProcess } from './support/shared-process'
import { makeTempDir } from './support/temp-dir'

/** What redis-cli sends here, and what is always allowed. */
const OTHERS = new Set(['acl', 'config', 'auth', 'hello', 'quit', 'command'])
const PREFIX = 'tdc:queue:'

describe('a Redis that speaks TLS alone, and a user who may do what is advised', function () {
  this.timeout(60_000)
  const dir = makeTempDir('redis-tls')
  const [, advised = ''] =
    /^(ACL SETUSER haraka [^`]*?)\n```/m.exec(textOf('docs/shared-queue.md')) ?? []
  const rules = advised.replace('>...', '>12345').split(/\s+/).slice(3)
  let redis: RedisServer
  let user: Record<string, unknown>
  let processes: SharedProcess[] = []

  before(async function () {
    needRedis(this)
    const authority = await createAuthority()
    const written = (name: string, { cert, key }: KeyAndCertificate) => {
      const [certFile, keyFile] = [join(dir, `${name}.cert`), join(dir, `${name}.key`)]
      writeFileSync(certFile, cert)
      writeFileSync(keyFile, key)
      return { cert: certFile, key: keyFile }
    }
    const ca = join(dir, 'ca')
    writeFileSync(ca, authority.caPem)
    const own = written('own', await authority.issue({ names: ['redis.example'] }))
    const client = written('client', await authority.issue({ names: ['mx1'], client: true }))
    redis = await RedisServer.startTls(ca, own, client)
    await redis.command('ACL', 'SETUSER', 'haraka', ...rules)
    await redis.command('CONFIG', 'RESETSTAT')
    const { server } = redis.sections
    // As haraka-config reads it: true is a text, and a password of digits a number.
    const access = { username: 'haraka', password: 12345, database: 1 }
    user = { ...server, ...access, ca, ...client, tls: 'true', servername: 'redis.example' }
  })
  afterEach(() => {
    for (const each of processes) each.close()
    processes = []
  })
  after(() => redis?.close())

  function made(machine: string, change: object = {}): SharedProcess {
    const process = new SharedProcess({ server: { ...user, ...change } }, machine)
    processes.push(process)
    return process
  }

  async function asUser(...words: string[]): Promise<unknown> {
    const connection = await made('mx9').redis.connect()
    return connection.send(words).finally(() => connection.close())
  }

  async function started(machine: string): Promise<SharedProcess> {
    const process = made(machine)
    await process.start()
    assert.ok(await comesTrue(() => process.store.takes(1), 10_000), process.store.trouble?.why)
    return process
  }

  it('has the queue, the shared settings and the check, with these commands and no other', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    const copy = await one.add('first')
    one.store.shared.note(copy.stored?.copy ?? { name: '' }, 1)
    const { name } = (one.store as unknown as { owner: Owner }).owner
    // What is no copy, and what cannot be read.
    const stream = `${PREFIX}${name}`
    await asUser('XADD', stream, '1000-0', 'x', 'y')
    await asUser('XADD', stream, '1001-0', 'n', 'x', 'c', 'no head', 't', '1')
    let lost = 0
    two.before = (words, send) => {
      if (!String(words[1]).includes('own_tombstone') || lost++ > 0) return
      return send(words).then(() => Promise.reject(new Error('the connection broke')))
    }
    one.isStopped = true
    await pass(processes, SILENT + 13_000)
    assert.deepEqual(two.sending, ['first'])
    assert.equal(two.queue.scheduler.find('first')?.copy.failedAttempts, 1)
    delete two.queue.scheduler.find('first')?.copy.stored?.copy.content
    const taken = [...two.store.list()][0]
    assert.ok(taken)
    delete taken.content
    assert.ok((await two.store.read(taken)).length > 0)
    assert.equal((await two.look.view(9))?.copies[0]?.attempts, 1)
    two.delivered('first')
    two.replicas = 1
    const { signal } = new AbortController()
    const { name: file, content } = two.queue.record('alone')
    await assert.rejects(two.store.append({ name: file, content }, signal), /0 of 1 replicas/)

    const link = new Link(async () => {
      const connection = await two.redis.connect()
      return { store: redisStore(connection.send, () => 'tdc'), close: () => connection.close() }
    }, systemClock)
    const asked = await link.ask(async (store) => {
      await store.head()
      await store.document()
      await store.swap('', 'x')
      await store.report('mx1', 'x')
      return store.reports()
    })
    link.close()
    assert.equal(asked.kind, 'ok')
    assert.deepEqual(await diagnoseRedis(() => two.redis.connect(), true, systemClock), [])

    assert.equal(await redis.command('ACL', 'LOG'), '')
    const stats = await redis.command('INFO', 'commandstats')
    const used = [...stats.matchAll(/^cmdstat_([\w|-]+):/gm)].map(([, each = '']) => each)
    const allowed = rules.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1))
    assert.deepEqual(
      used.filter((each) => !OTHERS.has(each.split('|')[0] ?? '')).sort(),
      [...allowed].sort(),
    )
  })

  it('may not read or write what others have there, nor the keys', async () => {
    for (const words of [['GET', 'others'], ['FLUSHALL'], ['KEYS', '*'], ['CONFIG', 'GET', '*']]) {
      await assert.rejects(asUser(...words), /NOPERM/)
    }
  })

  const refused: readonly [name: string, change: object, why: RegExp][] = [
    ['of another name', { servername: 'other.example' }, /altnames|ERR_TLS_CERT_ALTNAME_INVALID/],
    ['of an unknown authority', { ca: '' }, /self-signed certificate|unable to/],
    ['and asked for one in vain', { cert: '', key: '' }, /socket|closed|alert|ECONNRESET/i],
    ['and spoken to in plain text', { tls: 'false' }, /socket|closed|ECONNRESET/i],
  ]
  for (const [name, change, why] of refused) {
    it(`a certificate ${name}: it is away, with a sentence`, async () => {
      const { redis } = made('mx1', change)
      const [found] = await diagnoseRedis(() => redis.connect(), false, systemClock)
      assert.match(found?.text ?? '', why)
    })
  }
})
