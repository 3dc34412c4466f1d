import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { Gate } from './support/gate'
import { WRITE_AHEAD } from './support/gateway'
import { mailAbout, MailPath } from './support/mail-path'
import { TestQueue } from './support/queue'

/**
 * While config/cut_short says so: no queue file is ever removed, as by a disk that is slow, and the
 * shutdown of another plugin ends Haraka at once, as haraka-plugin-redis 2.1.0 does beside karma.
 */
const CUT_SHORT = `
const { readFileSync } = require('node:fs')
const disk = require('node:fs/promises')
const { unlink } = disk
const path = require('node:path').join(process.env.HARAKA ?? '.', 'config', 'cut_short')
const isOn = () => readFileSync(path, 'utf8') === 'on'
disk.unlink = (file) => (isOn() ? new Promise(() => {}) : unlink(file))
exports.shutdown = () => {
  if (isOn()) Promise.reject(new Error('The client is closed'))
}
`
const TAKEN = 20
const OPEN = 3

describe('a stop that is cut short', function () {
  this.timeout(60_000)
  let path: MailPath

  before(async () => {
    path = await MailPath.start({
      beforeTdc: ['cut_short', 'status', 'tdc_inspect'],
      sources: { cut_short: CUT_SHORT },
      config: {
        cut_short: 'on',
        'smtp.ini':
          '[main]\nlisten=127.0.0.1:0\nnodes=0\ngraceful_shutdown=true\nforce_shutdown_timeout=8\n',
      },
      delivery: [`max_connections=${OPEN}`],
    })
  })
  after(() => path.close())

  it('sends no copy again that the intake has taken, and every one that it has not', async () => {
    const gate = new Gate()
    path.onCopy = async (copy) => {
      if (copy.raw.includes('Subject: open')) await gate.wait()
      return undefined
    }
    const taken = Array.from({ length: TAKEN }, (_, at) => `taken ${at}`)
    for (const subject of taken) assert.equal((await path.send(mailAbout(subject))).code, 250)
    const done = () => path.haraka.log.filter((line) => / Message finished MID /.test(line)).length
    await path.haraka.lines.until(
      () => done() === TAKEN,
      10_000,
      () => path.haraka.tail(),
    )
    const open = Array.from({ length: OPEN }, (_, at) => `open ${at}`)
    for (const subject of open) assert.equal((await path.send(mailAbout(subject))).code, 250)
    // In the log nothing has a file so early, and what was taken is marked.
    const isFiled = WRITE_AHEAD !== 'log'
    const files = () => path.haraka.queueFiles().filter(isCopy).length
    if (isFiled) assert.equal(files(), TAKEN + OPEN)

    await path.haraka.stop('SIGINT')
    assert.match(path.haraka.tail(), /The client is closed/)
    if (isFiled) assert.equal(files(), OPEN, path.haraka.tail())
    path.haraka.writeConfig('cut_short', 'off')
    gate.open()
    await path.haraka.start()
    for (const subject of open) await path.copy(subject)
    await path.settled()
    for (const subject of taken) assert.equal(path.copiesOf(subject).length, 1, subject)
  })

  it('removes what was taken and nothing else, whatever the disk is doing', async () => {
    const queue = new TestQueue({ ...systemDisk, unlink: () => new Promise(() => {}) })
    try {
      const [taken, open, waiting] = ['A.1.tdc1', 'B.1.tdc1', 'C.1.tdc1'].map((mid) =>
        queue.copy(mid),
      )
      assert(taken && open && waiting)
      for (const copy of [taken, open, waiting]) queue.scheduler.schedule(copy)
      queue.courier.answer({ kind: 'delivered', dcid: 1, response: '250 ok' }, taken)
      const reply = { code: 451, text: 'later' }
      const failure = { kind: 'reply', command: 'BODY', reply } as const
      queue.courier.answer({ kind: 'failed', dcid: 1, failure }, waiting)
      queue.copyFiles.removeNow()
      assert.equal(existsSync(taken.path), false)
      assert.ok(readFileSync(open.path).length > 0)
      assert.equal(queue.files.length, 2)
    } finally {
      queue.remove()
    }
  })
})

function isCopy(name: string): boolean {
  return !name.startsWith('__tmp__') && !name.startsWith('error.')
}
