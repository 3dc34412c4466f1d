import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { WRITE_AHEAD } from './support/gateway'
import { complaints, type HarakaServer } from './support/haraka'
import { isCopyOf } from './support/identical'
import { mailAbout, MailPath } from './support/mail-path'

const SUBJECTS = ['first', 'second', 'third', 'fourth']

describe('a server dies with copies in its queue', function () {
  this.timeout(60_000)
  let path: MailPath
  let dead: HarakaServer
  let heir: HarakaServer

  before(async () => {
    path = await MailPath.start()
    dead = path.haraka
    heir = await path.makeGateway({ nodes: 2 })
    await heir.start()
  })
  after(async () => {
    await dead.remove()
    await path.close()
  })

  const adopt = () => heir.tdc('adopt', join(dead.dir, 'queue'))

  it('while it lives nothing of it is adopted', async () => {
    path.onCopy = () => new Promise(() => {})
    for (const subject of SUBJECTS) {
      assert.equal((await path.send(mailAbout(subject))).code, 250)
    }
    const { code, err } = await adopt()
    assert.deepEqual([code, err], [1, `haraka-tdc: the server in ${dead.dir} runs: end it first\n`])
    // In the log they are adopted without files.
    if (WRITE_AHEAD !== 'log') assert.equal(dead.queueFiles().length, SUBJECTS.length)
  })

  it('then another one adopts them, with one command, and each is delivered once', async () => {
    await dead.kill9()
    path.onCopy = () => Promise.resolve(undefined)
    path.haraka = heir
    assert.deepEqual(await adopt(), { code: 0, out: '4 copies adopted\n', err: '' })
    for (const subject of SUBJECTS) {
      const [original, copy] = [await path.original(subject), await path.copy(subject)]
      assert.ok(isCopyOf(await copy.original(), original.raw), subject)
      await heir.waitForLine(
        (line) => line.includes(`adopted from ${dead.dir}/queue`) && line.includes('journal@'),
      )
    }
    await path.untilQueue((names) => names.length === 0, 'files in the queue of the heir')
    assert.deepEqual(await adopt(), { code: 0, out: '0 copies adopted\n', err: '' })
    assert.deepEqual(complaints(heir.log), [])
  })

  it('and when it comes back it has nothing to send', async () => {
    await dead.start()
    path.haraka = dead
    await path.send(mailAbout('new'))
    await path.copy('new')
    assert.equal(path.intake.copies.size, SUBJECTS.length + 1)
    path.haraka = heir
  })

  it('a folder beside its own queue is no server that runs', async () => {
    mkdirSync(join(heir.dir, 'away'))
    assert.deepEqual(await heir.tdc('adopt', 'away'), {
      code: 0,
      out: '0 copies adopted\n',
      err: '',
    })
  })

  const wrong: [string, string[], number, RegExp][] = [
    ['no directory', ['adopt'], 2, /^haraka-tdc: usage: haraka-tdc adopt QUEUE /],
    ['one that is not there', ['adopt', '/nowhere/queue'], 1, /is no directory .* \(ENOENT\)\n$/],
    ['a server directory', ['adopt', '.'], 2, /is a server directory: name its queue directory\n$/],
    ['its own', ['adopt', 'queue', '--force'], 1, /is the queue directory of this server\n$/],
  ]
  for (const [what, words, exit, sentence] of wrong) {
    it(`refuses ${what} in one sentence`, async () => {
      const { code, err } = await heir.tdc(...words)
      assert.equal(code, exit)
      assert.match(err, sentence)
    })
  }
})
