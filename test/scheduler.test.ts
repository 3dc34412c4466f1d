import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import type { Failure, Outcome } from '../plugins/tdc/smtp/outcome'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { TestQueue } from './support/queue'

const DELIVERED: Outcome = { kind: 'delivered', dcid: 7, response: '250 ok' }
const failed = (failure: Failure): Outcome => ({ kind: 'failed', dcid: 7, failure })
const reply = (code: number): Failure => ({
  kind: 'reply',
  command: 'RCPT',
  reply: { code, text: 'text' },
})
const NETWORK: Failure = { kind: 'network', details: 'reset', reason: 'connection reset' }
const TLS: Failure = { kind: 'tls', reason: 'certificate-expired', text: 'expired' }
const nxdomain: Failure = { kind: 'dns', domain: 'x.example', result: 'nxdomain', text: '' }
const servfail: Failure = { kind: 'dns', domain: 'x.example', result: 'servfail', text: '' }

describe('a copy in the queue', () => {
  let queue: TestQueue
  beforeEach(() => (queue = new TestQueue()))
  afterEach(() => queue.remove())

  const answer = async (outcome: Outcome) => {
    queue.courier.answer(outcome)
    await queue.idle()
  }

  it('is delivered: its file goes, other plugins hear of it', async () => {
    queue.scheduler.schedule(queue.copy())
    await answer(DELIVERED)
    assert.deepEqual(queue.told(), ['delivered'])
    assert.deepEqual([queue.files, queue.announced], [[], ['T.1.tdc1']])
    assert.equal(queue.scheduler.has('T.1.tdc1'), false)
    assert.equal(queue.clock.pending, 0)
  })

  // The retry table of the specification: what follows a first failure, and what a second one.
  const table: [string, Failure, string, string][] = [
    ['550', reply(550), 'hard-bounced', '-'],
    ['503', reply(503), 'deferred', 'hard-bounced'],
    ['552', reply(552), 'deferred', 'hard-bounced'],
    ['450', reply(450), 'deferred', 'hard-bounced'],
    ['421', reply(421), 'deferred', 'hard-bounced'],
    ['a TLS error', TLS, 'tls-error', '-'],
    ['a network error', NETWORK, 'deferred', 'hard-bounced'],
    ['a DNS error', servfail, 'deferred', 'hard-bounced'],
    ['NXDOMAIN', nxdomain, 'hard-bounced', '-'],
  ]
  for (const [what, failure, first, second] of table) {
    it(`${what}: ${first}, then ${second}`, async () => {
      queue.scheduler.schedule(queue.copy())
      await answer(failed(failure))
      assert.deepEqual(queue.told(), [first])
      if (second === '-') return assert.deepEqual(queue.files, [])
      await queue.clock.advance(30_000)
      assert.equal(queue.courier.submissions, 2)
      await answer(failed(failure))
      assert.deepEqual(queue.told(), [second])
      assert.deepEqual(queue.files, [])
      assert.equal(queue.clock.pending, 0)
    })
  }

  it('a failure of another kind does not buy a second retry', async () => {
    queue.scheduler.schedule(queue.copy())
    await answer(failed(reply(451)))
    await queue.clock.advance(30_000)
    await answer(failed(NETWORK))
    assert.deepEqual(queue.told(), ['deferred', 'hard-bounced'])
  })

  it('waiting for its retry, its file name tells a restart of the attempt and the moment', async () => {
    queue.scheduler.schedule(queue.copy())
    await answer(failed(NETWORK))
    const [name] = queue.files
    const [, next, attempts] = (name ?? '').split('_')
    assert.equal(Number(next), queue.clock.wall() + 30_000)
    assert.equal(attempts, '1')
    await queue.clock.advance(30_000)
    await answer(DELIVERED)
    assert.deepEqual(queue.files, [])
  })

  it('expires while it waits with the courier', async () => {
    queue.scheduler.schedule(queue.copy())
    await queue.clock.advance(119_999)
    assert.deepEqual(queue.told(), [])
    await queue.clock.advance(1)
    await queue.idle()
    assert.deepEqual(queue.told(), ['expired'])
    assert.deepEqual([queue.files, queue.courier.holding], [[], 0])
  })

  it('expires while it waits for its retry, with the last failure in the line', async () => {
    queue.options = { maxAge: 40_000, retryDelay: 60_000 }
    queue.scheduler.schedule(queue.copy())
    await answer(failed(reply(451)))
    await queue.clock.advance(40_000)
    await queue.idle()
    const expired = queue.events.find((event) => event.kind === 'expired')
    assert(expired?.kind === 'expired')
    assert.deepEqual([expired.age, expired.attempts], [40_000, 1])
    assert.equal(expired.response.detail, 'text')
    assert.deepEqual([queue.files, queue.clock.pending], [[], 0])
  })

  it('delivered at the last moment is delivered', async () => {
    queue.courier.abort = () => queue.courier.answer(DELIVERED)
    queue.scheduler.schedule(queue.copy())
    await queue.clock.advance(120_000)
    await queue.idle()
    assert.deepEqual(queue.told(), ['delivered'])
  })

  it('prepared, it is leased but not sent; withdrawn, it is gone', async () => {
    const copy = queue.copy()
    queue.scheduler.lease(copy)
    assert.equal(queue.scheduler.has(copy.mid), true)
    assert.equal(queue.scheduler.stats.prepared, 1)
    assert.equal(queue.courier.submissions, 0)
    await queue.scheduler.withdraw(copy, 'the original was rejected')
    assert.deepEqual([queue.told(), queue.files], [['withdrawn'], []])
    assert.equal(queue.scheduler.has(copy.mid), false)
  })

  it('whose file was taken away is not mourned as a failure', async () => {
    const copy = queue.copy()
    queue.scheduler.schedule(copy)
    await systemDisk.unlink(copy.path)
    await answer(failed(reply(550)))
    assert.deepEqual(queue.told(), ['vanished'])
  })

  it('whose file cannot be looked at is not taken to be gone', async () => {
    const copy = queue.copy()
    queue.scheduler.schedule(copy)
    await systemDisk.unlink(copy.path)
    symlinkSync(copy.path, copy.path)
    await answer(failed(reply(550)))
    assert.deepEqual(queue.told(), ['hard-bounced'])
  })

  it('whose file cannot be removed is not sent again', async () => {
    const unlink = () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' }))
    const stuck = new TestQueue({ ...systemDisk, unlink })
    const copy = stuck.copy()
    stuck.scheduler.schedule(copy)
    stuck.courier.answer(DELIVERED)
    await stuck.idle()
    assert.deepEqual(stuck.told(), ['delivered', 'unremovable'])
    assert.equal(stuck.scheduler.has(copy.mid), true)
    stuck.remove()
  })

  it('whose file cannot be removed is removed when the disk lets it, and not sent again', async () => {
    let readOnly = true
    const unlink = (path: string) =>
      readOnly
        ? Promise.reject(Object.assign(new Error(), { code: 'EROFS' }))
        : systemDisk.unlink(path)
    const stuck = new TestQueue({ ...systemDisk, unlink })
    const copy = stuck.copy()
    stuck.scheduler.schedule(copy)
    stuck.courier.answer(DELIVERED)
    await stuck.idle()
    // Later and later: a line is written each time.
    for (const milliseconds of [5_000, 10_000, 20_000]) {
      await stuck.clock.advance(milliseconds)
      await stuck.idle()
    }
    assert.deepEqual(stuck.told(), ['delivered', ...Array<string>(4).fill('unremovable')])
    readOnly = false
    await stuck.clock.advance(40_000)
    await stuck.idle()
    assert.deepEqual(stuck.told(), [])
    assert.equal(stuck.scheduler.has(copy.mid), false)
    assert.deepEqual(stuck.files, [])
    assert.equal(stuck.courier.submissions, 1)
    stuck.remove()
  })

  it('expired in the middle of the rename for its retry leaves no file behind', async () => {
    let renaming = () => {}
    const started = new Promise<void>((resolve) => (renaming = resolve))
    let goOn = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const slow = new TestQueue({
      ...systemDisk,
      async rename(from, to) {
        renaming()
        await held
        await systemDisk.rename(from, to)
      },
    })
    slow.options = { maxAge: 1_000, retryDelay: 30_000 }
    slow.scheduler.schedule(slow.copy())
    slow.courier.answer(failed(NETWORK))
    await started
    await slow.clock.advance(1_000)
    goOn()
    await slow.idle()
    assert.deepEqual(slow.told(), ['deferred', 'expired'])
    assert.deepEqual(slow.files, [])
    slow.remove()
  })

  it('has its retry at once when the process is to end', async () => {
    queue.scheduler.schedule(queue.copy())
    await answer(failed(NETWORK))
    assert.equal(await queue.commands.flush(), 1)
    await queue.idle()
    assert.equal(queue.courier.submissions, 2)
    await answer({ kind: 'aborted', dcid: 0 })
    assert.deepEqual([queue.told(), queue.files.length], [['deferred'], 1], 'it stays on disk')
  })

  it('has its retry only when its file has its new name', async () => {
    let goOn = () => {}
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const rename = (from: string, to: string) => held.then(() => systemDisk.rename(from, to))
    const slow = new TestQueue({ ...systemDisk, rename })
    slow.scheduler.schedule(slow.copy())
    slow.courier.answer(failed(NETWORK))
    await slow.clock.advance(30_000)
    assert.equal(slow.courier.submissions, 1)
    goOn()
    await slow.idle()
    assert.equal(slow.courier.submissions, 2)
    slow.remove()
  })
})
