import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { changed } from '../plugins/tdc/cluster/change'
import { NO_DOCUMENT, documentText } from '../plugins/tdc/cluster/shared-document'
import { logText } from './support/haraka'
import { MailPath, mailAbout } from './support/mail-path'

/** Kept from a time when Redis was there: copies are on. */
const CHANGE = changed(NO_DOCUMENT, [{ section: 'main', key: 'enabled', value: 'true' }], {
  at: Date.UTC(2026, 0, 1),
  author: 'alice@mx2',
  id: 'abcd',
})

/** With two workers, so that what is shared has to reach them. */
describe('a real Haraka that shares settings, with a Redis that takes connections and says nothing', function () {
  this.timeout(60_000)

  let hole: Server
  const sockets = new Set<Socket>()
  let path: MailPath

  before(async () => {
    hole = createServer((socket) => sockets.add(socket.on('error', () => {})))
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
    const { port } = hole.address() as AddressInfo
    path = await MailPath.start({
      enabled: false,
      sections: ['[cluster]', 'redis=true', 'machine=mx1'],
      config: { 'redis.ini': `[server]\nhost=127.0.0.1\nport=${port}\n` },
      nodes: 2,
    })
  })

  after(async () => {
    await path?.close()
    for (const socket of sockets) socket.destroy()
    hole.close()
  })

  it('starts, and has one line about it', async () => {
    await path.haraka.waitForLine('Redis cannot be reached')
    await path.send(mailAbout('off'))
    await path.haraka.waitForLine('the connector is disabled (cluster)')
    const lines = path.haraka.log.filter((line) => line.includes('Shared settings'))
    assert.deepEqual(lines.map(logText), [
      'TDC: Shared settings: Redis cannot be reached: no answer in 3 seconds; tdc.ini alone stays in force',
    ])
  })

  it('says so in status, whichever process is asked', async () => {
    const { code, out } = await path.haraka.tdc('status')
    assert.equal(code, 1)
    assert.match(out, /^State +warning$/m)
    assert.match(
      out,
      /^ +redis-away: what machines share: Redis cannot be reached: no answer in 3 seconds$/m,
    )
  })

  it('a change is answered with a sentence', async () => {
    const { code, err } = await path.haraka.tdc('enable', '--level', 'cluster')
    assert.equal(code, 1)
    assert.match(
      err,
      /^haraka-tdc: Redis cannot be reached \(no answer in 3 seconds\): nothing is changed$/m,
    )
    assert.equal((await path.haraka.tdc('status', '--cluster')).code, 1)
    assert.equal((await path.haraka.tdc('history', '--settings')).code, 1)
  })

  it('starts with the settings that were last in force, in all its processes', async () => {
    assert(CHANGE.kind === 'changed')
    await path.haraka.stop()
    const folder = join(path.haraka.dir, 'queue', 'error.tdc')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, 'shared-settings.json'), documentText(CHANGE.document) ?? '')
    await path.haraka.start()
    const replies = await Promise.all(
      ['on 1', 'on 2', 'on 3', 'on 4'].map((subject) => path.send(mailAbout(subject))),
    )
    assert.deepEqual(
      replies.map(({ code }) => code),
      [250, 250, 250, 250],
    )
    await path.intake.copies.atLeast(4, 10_000, 'copies')
    await path.haraka.waitForLine(
      'Redis cannot be reached: no answer in 3 seconds; revision 1 stays in force',
    )
    const { out } = await path.haraka.tdc('status')
    assert.match(out, /^Connector +enabled \(cluster \(shared settings\)\)$/m)
  })

  it('says once that those are damaged, and has tdc.ini alone', async () => {
    await path.haraka.stop()
    const file = join(path.haraka.dir, 'queue', 'error.tdc', 'shared-settings.json')
    writeFileSync(file, '{"lineage":')
    await path.haraka.start()
    await path.haraka.waitForLine('the shared settings in')
    await path.haraka.waitForLine('tdc.ini alone stays in force')
    const lines = path.haraka.log.filter((line) => /the shared settings in|mistake/.test(line))
    assert.deepEqual(lines.map(logText), [
      `TDC: the shared settings in ${file} cannot be used: it is not JSON`,
    ])
    const { out } = await path.haraka.tdc('status')
    assert.match(out, /^Connector +disabled \(cluster\)$/m)
  })
})

describe('a real Haraka that shares nothing', function () {
  this.timeout(60_000)

  let path: MailPath

  before(async () => {
    path = await MailPath.start()
  })

  after(() => path?.close())

  for (const args of [
    ['enable', '--level', 'cluster'],
    ['disable', '--level', 'machine=mx1'],
    ['set', '--level', 'cluster', 'enabled=true'],
    ['unset', '--policy', 'vip', 'intake'],
    ['history', '--settings'],
    ['revert', '1'],
    ['status', '--cluster'],
    ['tophosts', '--cluster'],
    ['track', '--cluster', 'x'],
  ]) {
    it(`haraka-tdc ${args.join(' ')} says how it would`, async () => {
      const { code, out, err } = await path.haraka.tdc(...args)
      assert.deepEqual([code, out], [1, ''])
      assert.match(err, /^haraka-tdc: this server shares nothing: set redis=true in \[cluster\] of/)
    })
  }

  const USAGE: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [['enable'], /--level is missing/],
    [['set', '--level', 'cluster'], /usage: haraka-tdc set KEY=VALUE\.\.\./],
    [['revert'], /usage: haraka-tdc revert NUMBER/],
  ]
  for (const [args, why] of USAGE) {
    it(`haraka-tdc ${args.join(' ')} is refused as usage`, async () => {
      const { code, err } = await path.haraka.tdc(...args)
      assert.equal(code, 2)
      assert.match(err, why)
    })
  }
})
