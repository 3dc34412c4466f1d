import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readSegment } from '../plugins/tdc/queue/log/format'
import { comesTrue } from './support/comes-true'
import { mailAbout, MailPath } from './support/mail-path'

const LOG = ['[queue]', 'write_ahead=log', 'min_free_space=0', 'min_free_inodes=0']

/** On every system some user who is not root. */
const NOBODY = 65534

/** Milliseconds: `prepare_timeout`, and what an original may take beside it on a busy machine. */
const PATIENCE = 1_000
const USUAL = 4_000

describe('a gateway with the log', function () {
  this.timeout(60_000)
  let path: MailPath
  afterEach(() => path.close())

  const logFolder = () => join(path.haraka.dir, 'queue', 'error.tdc', 'log')
  const logFolders = () => readdirSync(logFolder())
  const files = () =>
    logFolders().flatMap((name) =>
      readdirSync(join(logFolder(), name)).map((file) => join(name, file)),
    )
  const segments = () => (existsSync(logFolder()) ? files().length : 0)
  /** Copies in the log that have not ended. */
  const inLog = () =>
    files()
      .map((file) => readSegment(readFileSync(join(logFolder(), file))).copies.length)
      .reduce((sum, copies) => sum + copies, 0)

  async function accepted(subject: string): Promise<void> {
    const began = Date.now()
    const { code } = await path.send(mailAbout(subject))
    assert.equal(code, 250, path.haraka.tail())
    assert.ok(Date.now() - began < PATIENCE + USUAL, subject)
    await path.original(subject)
  }

  const startFaulty = async (policy: string) => {
    path = await MailPath.start({
      beforeTdc: ['faulty_calls', 'status', 'tdc_inspect'],
      main: [`on_journal_failure=${policy}`],
      sections: [...LOG, `prepare_timeout=${PATIENCE / 1_000}`],
    })
    await accepted('the first')
    await path.copy('the first')
  }

  it('each of its calls fails in turn: every mail has its original and its copy, once', async () => {
    await startFaulty('accept')
    for (const call of ['writev', 'write', 'access', 'open']) {
      await path.ask(`FAIL ${call} 1`)
      const subjects = Array.from({ length: 12 }, (_, i) => `${call} ${i}`)
      // The look for the folder is made when the last is 200 ms old.
      for (const subject of subjects) {
        await accepted(subject)
        await path.copy(subject)
      }
      await path.settled()
      if (call !== 'open') assert.equal(await path.ask('FAIL'), 'yes', call)
      for (const subject of subjects) {
        assert.equal(path.originalsOf(subject).length, 1, subject)
        assert.equal(path.copiesOf(subject).length, 1, subject)
      }
    }
  })

  for (const policy of ['accept', 'tempfail'] as const) {
    it(`its disk hangs: with ${policy} the client has its answer in time, and mail goes on behind it`, async () => {
      await startFaulty(policy)
      await path.ask('HOLD writev')
      const began = Date.now()
      const replies = await Promise.all([1, 2, 3].map((i) => path.send(mailAbout(`hanging ${i}`))))
      assert.ok(Date.now() - began < PATIENCE + USUAL)
      const answer = policy === 'accept' ? 250 : 451
      assert.deepEqual([...new Set(replies.map(({ code }) => code))], [answer])
      await path.ask('HOLD')
      await accepted('behind')
      await path.copy('behind')
      await path.settled()
      for (const i of [1, 2, 3]) {
        const subject = `hanging ${i}`
        assert.equal(path.originalsOf(subject).length, policy === 'accept' ? 1 : 0)
        assert.equal(path.copiesOf(subject).length, 0)
      }
    })
  }

  it('what stays has its queue file when it was there for two seconds, or after a start with write_ahead=file', async () => {
    path = await MailPath.start({ sections: LOG, beforeTdc: ['status', 'tdc_inspect'] })
    assert.ok(await comesTrue(() => segments() === 1, 10_000), 'the first before the first mail')
    path.onCopy = () => new Promise(() => {})
    const inQueue = () => path.haraka.queueFiles().filter((name) => /^\d/.test(name)).length
    for (const subject of ['one', 'two']) await accepted(subject)
    assert.deepEqual([inLog(), inQueue()], [2, 0])
    assert.ok(await comesTrue(() => inLog() === 0, 10_000))
    await path.haraka.kill9()
    assert.deepEqual([inLog(), inQueue()], [0, 2])
    await path.haraka.start()
    await accepted('three')
    await path.haraka.kill9()
    assert.deepEqual([inLog(), inQueue()], [1, 2])
    const tdc = path.haraka.config('tdc.ini')
    path.haraka.writeConfig('tdc.ini', tdc.replace('write_ahead=log', 'write_ahead=file'))
    await path.haraka.start()
    await accepted('four')
    assert.ok(await comesTrue(() => logFolders().length === 0, 10_000))
    await path.haraka.kill9()
    assert.deepEqual([logFolders(), inQueue()], [[], 4])
    path.onCopy = () => Promise.resolve(undefined)
    await path.haraka.start()
    for (const subject of ['one', 'two', 'three', 'four']) await path.copy(subject)
    await path.settled()
  })

  it('what workers of another user left is theirs again after a start by root', async function () {
    if (process.getuid?.() !== 0) {
      console.log('      only root can become another user')
      return this.skip()
    }
    path = await MailPath.start({
      sections: LOG,
      beforeTdc: ['status', 'tdc_inspect'],
      config: { 'smtp.ini': '[main]\nlisten=127.0.0.1:0\nnodes=1\nuser=nobody\n' },
    })
    chmodSync(path.haraka.dir, 0o755)
    path.onCopy = () => new Promise(() => {})
    for (const subject of ['one', 'two']) await accepted(subject)
    await path.haraka.kill9()
    assert.equal(logFolders().length, 1)
    path.onCopy = () => Promise.resolve(undefined)
    await path.haraka.start()
    for (const subject of ['one', 'two']) await path.copy(subject)
    await path.untilQueue((names) => names.length === 0, 'files in the queue')
    assert.ok(await comesTrue(() => segments() === 1, 10_000), 'of the worker, none of the master')
    await accepted('three')
    await path.copy('three')
    for (const name of logFolders()) {
      const { uid } = statSync(join(logFolder(), name))
      assert.equal(uid, NOBODY)
    }
  })
})
