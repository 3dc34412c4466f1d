import assert from 'node:assert/strict'
import { mailAbout, MailPath, type StatusReply } from './support/mail-path'

/** What is called for a copy; mails in which it is made to fail, and at the most until it was once. */
const CALLS = [
  // First, for answers are kept.
  'udp.send',
  'statfs',
  'open',
  'write',
  'sync',
  'stat',
  'rename',
  'unlink',
  'net.connect',
  'tls.connect',
  'socket.write',
  'socket.end',
]
const MOST = 4
const MOST_MAILS = 40

/** Milliseconds that an original may take: a disk that fails does not wait. */
const USUAL = 5_000

describe('each call of the disk, the DNS and sockets fails in turn', function () {
  this.timeout(180_000)
  let path: MailPath

  before(async () => {
    path = await MailPath.start({
      beforeTdc: ['faulty_calls', 'status', 'tdc_inspect'],
      // Every copy has a connection of its own, and its retry at once.
      delivery: [
        'min_connections=1',
        'max_connections=1',
        'messages_per_connection=1',
        'idle_timeout=0',
        'retry_delay=0',
      ],
    })
  })
  after(() => path.close())

  /** Messages whose copy has an end that is counted. */
  const ends = ({ queue, messages }: StatusReply) =>
    queue.delivered + queue.hardBounced + messages.journalFailed

  /** The status as soon as so many have. */
  async function ended(count: number): Promise<StatusReply> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const status = await path.status()
      if (ends(status) >= count && status.queue.active === 0 && status.prepared === 0) return status
      const text = () => `${JSON.stringify(status)}\n${path.haraka.tail(30)}`
      assert.ok(Date.now() < deadline, text())
    }
  }

  it('the server lives, every original arrives, every copy arrives or is counted', async () => {
    for (const name of CALLS) {
      let failed = 0
      // Some are not called for each copy: the room on the disk is asked for once a second.
      for (let mail = 1; mail <= MOST_MAILS && (failed === 0 || mail <= MOST); mail++) {
        const before = ends(await path.status())
        await path.ask(`FAIL ${name} ${failed + 1}`)
        const subject = `${name} ${mail}`
        const began = Date.now()
        assert.equal((await path.send(mailAbout(subject))).code, 250)
        assert.ok(Date.now() - began < USUAL, subject)
        await path.original(subject)
        const after = await ended(before + 1)
        if ((await path.ask('FAIL')) === 'yes') failed++
        assert.equal(ends(after), before + 1, subject)
        assert.equal(path.originalsOf(subject).length, 1, subject)
      }
      assert.ok(failed > 0, `${name} never failed`)
    }
    const kinds = path.haraka.log.filter((line) => /mistake in|uncaught|unhandled/i.test(line))
    assert.deepEqual(kinds, [])
  })
})
