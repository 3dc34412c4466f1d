import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FakeTrouble } from './support/fake-dns'
import { type Mailbox, startMailbox } from './support/mailbox'
import { mailAbout, MailPath } from './support/mail-path'

const SENDER = 'alice@example.net'

/** Sends what is for the sender's domain to a mail server that listens on `port`. */
const senderMx = (port: number) => `
exports.hook_get_mx = function (next, hmail, domain) {
  if (domain !== 'example.net') return next()
  next(OK, { priority: 0, exchange: '127.0.0.1', port: ${port} })
}
`

describe('the plugin is removed while copies are in the queue', function () {
  this.timeout(60_000)
  let path: MailPath
  let senders: Mailbox

  beforeEach(async () => {
    senders = await startMailbox()
    path = await MailPath.start({
      beforeTdc: ['sender_mx', 'tdc_inspect'],
      sources: { sender_mx: senderMx(senders.port) },
    })
  })
  afterEach(async () => {
    await path.close()
    await senders.close()
  })

  /** Haraka ends with copies of these mails in its queue. */
  async function leaveCopies(...subjects: string[]): Promise<void> {
    path.onCopy = () => new Promise(() => {})
    for (const subject of subjects) {
      assert.equal((await path.send(mailAbout(subject, { from: SENDER }))).code, 250)
    }
    await path.filed(subjects.length)
    await path.haraka.kill9()
    assert.equal(path.haraka.queueFiles().length, subjects.length)
    path.onCopy = () => Promise.resolve(undefined)
  }

  function nameServerSays(trouble: FakeTrouble): void {
    path.dns.zone = { ...path.dns.zone, 'the.tdc.queue': trouble }
  }

  async function startWithoutPlugin(): Promise<void> {
    const plugins = path.haraka.config('plugins')
    path.haraka.writeConfig('plugins', plugins.replace(/^tdc(_inspect)?\n/gm, ''))
    await path.haraka.start()
    path.haraka.writeConfig('plugins', plugins)
  }

  /** Beside our copies, mail of the sender's that cannot be delivered: this is bounced. */
  function addOrdinaryMail(): void {
    const folder = join(path.haraka.dir, 'queue')
    const [name = ''] = path.haraka.queueFiles()
    const bytes = readFileSync(join(folder, name))
    const start = 4 + bytes.readUInt32BE(0)
    const todo = JSON.parse(bytes.toString('utf8', 4, start)) as Record<string, unknown>
    const head = JSON.stringify({
      ...todo,
      uuid: 'ORDINARY.1',
      domain: 'nowhere.example',
      mail_from: { original: `<${SENDER}>`, user: 'alice', host: 'example.net' },
      notes: {},
    })
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(head))
    const file = Buffer.concat([length, Buffer.from(head), bytes.subarray(start)])
    writeFileSync(join(folder, name.replace(/^(\d+_\d+_\d+_\d+)_[^_]+_/, '$1_ordinary_')), file)
  }

  /** All that came to the sender's mail server, up to the bounce of the ordinary mail. */
  async function bouncesWithOrdinary(): Promise<number> {
    const isOrdinary = ({ raw }: { raw: Buffer }) => raw.includes('nowhere.example')
    await senders.messages.first(isOrdinary, 10_000, () => path.haraka.tail())
    return senders.messages.size
  }

  it('Haraka asks for an MX of the.tdc.queue, finds none and drops them: nobody gets a bounce', async () => {
    await leaveCopies('first', 'second')
    addOrdinaryMail()
    nameServerSays('NXDOMAIN')
    await startWithoutPlugin()
    await path.untilQueue((names) => names.length === 0, 'files in the queue')
    assert.equal(await bouncesWithOrdinary(), 1)
    await path.haraka.restart()
    assert.deepEqual(path.intake.copies.entries, [])
  })

  it('with a name server that does not answer they stay: no bounce; with the plugin again they go out', async () => {
    await leaveCopies('first', 'second')
    addOrdinaryMail()
    nameServerSays('SERVFAIL')
    await startWithoutPlugin()
    await path.untilQueue(
      (names) => names.length === 2 && names.every((name) => name.split('_')[2] === '1'),
      'not both put off',
    )
    assert.equal(await bouncesWithOrdinary(), 1)
    assert.equal(path.intake.copies.size, 0)
    await path.haraka.restart()
    for (const subject of ['first', 'second']) await path.copy(subject)
    await path.settled()
    assert.equal(path.intake.copies.size, 2)
    assert.equal(senders.messages.size, 1)
  })
})
