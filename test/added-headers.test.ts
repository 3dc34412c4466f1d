import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { MailPath } from './support/mail-path'
import { Ledger } from './support/ledger'

const TRACE = /^Received: \(Haraka outbound\); [^\r]*\r\n/

/** Which of the two fields the client sent. */
const HEADERS: [string, string][] = [
  ['neither', ''],
  ['an empty Message-Id', 'Message-Id: <>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n'],
  ['no Date', 'Message-ID: <own@example.net>\r\n'],
  ['no Message-Id', 'Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n'],
  ['both', 'Message-ID: <own@example.net>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n'],
]

/** As the relay plugin does for a domain; the recipient is ours all the same. */
const RELAYING = `
exports.register = function () {
  this.register_hook('rcpt', 'relay', -50)
}
exports.relay = function (next, connection) {
  connection.relaying = true
  next()
}
exports.hook_get_mx = function (next, hmail, domain) {
  if (domain !== 'example.com') return next()
  const { host, port } = this.config.get('mailbox.json')
  next(OK, { priority: 0, exchange: host, port })
}
`

const LATE = `
exports.hook_queue = function (next, connection) {
  this.mark(connection.transaction)
  next()
}
exports.mark = (transaction) => transaction.add_header('X-Late', 'yes')
`

describe('headers that core adds behind us', function () {
  this.timeout(60_000)
  const mailbox = new Ledger<Buffer>()
  let server: SMTPServer
  let port = 0

  before(async () => {
    server = new SMTPServer({
      lmtp: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      logger: false,
      onData(stream, session, done) {
        const pieces: Buffer[] = []
        stream.on('data', (piece: Buffer) => pieces.push(piece))
        stream.on('end', () => {
          mailbox.add(Buffer.concat(pieces))
          done(null, session.envelope.rcptTo.map(() => 'OK') as unknown as string)
        })
      },
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.server.address() as AddressInfo).port
  })

  after(() => new Promise<void>((resolve) => server.close(() => resolve())))

  async function compare(path: MailPath, original: (subject: string) => Promise<Buffer>) {
    for (const [i, [what, header]] of HEADERS.entries()) {
      const subject = `added ${i}`
      const raw = Buffer.from(`${header}Subject: ${subject}\r\n\r\nBody of ${what}.\r\n`)
      assert.equal((await path.send({ raw })).code, 250)
      const delivered = await original(subject)
      const copy = await path.copy(subject)
      const attached = (await copy.original()).toString('latin1')
      const [, own = ''] = /^X-IronPort-RemoteIP: [^\r]*\r\n([^]*)$/.exec(attached) ?? []
      const got = delivered.toString('latin1')
      // What a plugin adds behind us is in the copies that were written anew, and the log warned of it.
      const plain = (text: string) => text.replace(TRACE, '').replace(/^X-Late: yes\r\n/m, '')
      assert.equal(plain(own), plain(got), what)
      const [, id] = /^Message-I[dD]: (<[^\r]*>)\r$/m.exec(got) ?? []
      assert.ok(id, what)
      assert.ok(copy.raw.includes(`\r\nMessage-Id: ${id}\r\n`), what)
      assert.ok(copy.raw.includes(id, copy.raw.indexOf('X-MS-Exchange-Parent-Message-Id:')), what)
      assert.match(got, /^Date: [^\r]+\r$/m)
      assert.equal(path.copiesOf(subject).length, 1)
    }
    await path.settled()
  }

  it('stand in the copy as in the mailbox, where LMTP takes the original', async () => {
    const path = await MailPath.start({
      afterTdc: ['tdc_inspect', 'late', 'queue/lmtp'],
      sources: { late: LATE },
      config: { 'lmtp.ini': `[main]\nhost=127.0.0.1\nport=${port}\n` },
    })
    try {
      await path.haraka.waitForLine(
        'plugin late changes the header in queue, behind tdc: the copies do not have that',
      )
      assert.equal(path.haraka.log.filter((line) => line.includes('changes the header')).length, 1)
      const about = (subject: string) => (raw: Buffer) => raw.includes(`Subject: ${subject}\r\n`)
      await compare(path, (subject) =>
        mailbox.first(about(subject), 10_000, () => path.haraka.tail()),
      )
    } finally {
      await path.close()
    }
  })

  it('stand in the copy as in the mailbox, where outbound relays it', async () => {
    const path = await MailPath.start({
      beforeTdc: ['relaying'],
      afterTdc: ['tdc_inspect'],
      sources: { relaying: RELAYING },
      config: { 'smtp_forward.ini': '[main]\nenable_outbound=false\n' },
    })
    try {
      const { host, port } = path.mailbox
      path.haraka.writeConfig('mailbox.json', JSON.stringify({ host, port }))
      await compare(path, async (subject) => (await path.original(subject)).raw)
      assert.doesNotMatch(path.haraka.log.join('\n'), /changes the header/)
    } finally {
      await path.close()
    }
  })
})
