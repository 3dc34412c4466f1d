import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { HarakaServer } from './support/haraka'
import { MailPath, type MailPathOptions } from './support/mail-path'
import type { Received, Verdict } from './support/mailbox'
import { SmtpClient, wireForm } from './support/smtp-client'

interface Mail {
  readonly way: string
  readonly to: readonly string[]
  readonly parameters?: string
  readonly header?: string
  readonly body: string
  /** Octets behind the 354 as they are, in place of header and body. */
  readonly wire?: Buffer
}

const lines = (octets: number) => `.${'x'.repeat(70)}\r\n`.repeat(Math.ceil(octets / 73))
const bob = ['bob']

const FORMS: Readonly<Record<string, Omit<Mail, 'way'>>> = {
  plain: { to: bob, body: 'Hello.\r\n.\r\n..dots\r\n' },
  'for two': { to: ['bob', 'ann'], body: 'x\r\n' },
  'without a body': { to: bob, body: '' },
  'in 8 bit, international': {
    ...{
      to: ['bjørn', 'bob'],
      parameters: ' SMTPUTF8 BODY=8BITMIME',
      header: 'X-Name: Jörg 📬\r\n',
    },
    body: 'Grüße\r\n',
  },
  'with bare CR and undoubled dots': {
    ...{ to: bob, body: '' },
    wire: Buffer.from('Subject: SUBJECT\r\n\r\na\rb\r\n.--b\r\n..x\r\n\r\n.\r\n'),
  },
  streamed: { to: bob, body: lines(400_000) },
  'spooled by Haraka': { to: bob, body: lines(1_500_000) },
  refused: { to: bob, header: 'X-Hop: 550 5.7.1 No\r\n', body: 'x\r\n' },
  deferred: { to: bob, header: 'X-Hop: 452 4.2.2 Later\r\n', body: 'x\r\n' },
  'for one whom the next hop refuses': { to: ['bob', 'nobody'], body: 'x\r\n' },
}
const WAYS = ['smtp_forward', 'smtp_proxy', 'lmtp', 'outbound', 'smtp_bridge', 'own']

/** Sends mail with notes that are an object as any; what get_mx sees of them is logged. */
const SENDER = `
exports.hook_unrecognized_command = function (next, connection, [command]) {
  if (command !== 'SENDNOTED') return next()
  const contents = 'Subject: noted\\n\\nx\\n'
  const done = (code, text) => next(DENY, 'sent: ' + text)
  this.haraka_require('outbound').send_email('outbound@sender.example', 'bob@example.com', contents, done, { notes: { seen: 'kept' } })
}
exports.register = function () {
  this.register_hook('get_mx', 'tell', -60)
}
exports.tell = function (next, { todo: { notes } }) {
  if (notes.seen) this.lognotice('notes are ' + JSON.stringify(notes))
  next()
}`

/** All sections: without one Haraka ends at the first connection, unless the connector is there. */
const CONNECTION_INI = [
  ...['[main]', 'spool_after=1000000', 'smtputf8=true', '[max]', 'bytes=100000000'],
  ...['[message]', 'greeting=x', '[uuid]', 'deny_chars=0', '[headers]', 'max_received=100', ''],
].join('\n')

const ENV_DEPENDENT: readonly [RegExp, string][] = [
  [/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}[.\d]*/g, 'UUID'],
  [/\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, 'DATE'],
]

/** What a client heard and the next hop got; what Haraka makes anew each time has its name only. */
function known(text: string): string {
  return ENV_DEPENDENT.reduce((changed, [found, name]) => changed.replace(found, name), text)
}

describe('originals and replies, with the connector and without', function () {
  this.timeout(120_000)
  let path: MailPath
  let bare: HarakaServer

  before(async () => {
    const options: MailPathOptions = {
      beforeTdc: ['ways', 'sender', 'queue/smtp_bridge', 'queue/smtp_proxy'],
      afterTdc: ['queue/lmtp'],
      sources: { sender: SENDER },
      config: ({ host, port }) => {
        const there = `host=${host}\nport=${port}\n`
        const main = `[main]\n${there}`
        return {
          ...{ 'smtp_proxy.ini': main, 'smtp_bridge.ini': there, 'lmtp.ini': main },
          'connection.ini': CONNECTION_INI,
          'outbound.ini': 'temp_fail_intervals=none\n',
        }
      },
    }
    path = await MailPath.start(options)
    path.onOriginal = ({ raw }): Verdict => {
      const [, reply] = /^X-Hop: (.*)\r$/m.exec(raw.toString('latin1', 0, 2_000)) ?? []
      return reply === undefined ? { do: 'accept' } : { do: 'answer', reply }
    }
    path.onRecipient = (to) => (to.startsWith('nobody') ? '550 5.1.1 No such user' : undefined)
    bare = await path.makeGateway({ ...options, tdc: false })
    await bare.start()
  })
  after(async () => {
    await bare?.remove()
    await path?.close()
  })

  for (const way of WAYS)
    for (const [form, mail] of Object.entries(FORMS)) {
      it(`by ${way}, ${form}`, async () => {
        const subject = `${way} ${form}`
        const withUs = await passed(path.haraka, { ...mail, way }, `${subject} 1`)
        const without = await passed(bare, { ...mail, way }, `${subject} 2`)
        assert.deepEqual(withUs, without)
        const isKept = withUs.originals.length > 0
        if (isKept) await path.copy(`${subject} 1`)
      })
    }

  it('mail that a plugin sends by itself, with notes of any kind', async () => {
    assert.match(await path.ask('SENDNOTED'), /sent: Message Queued/)
    await path.original('noted')
    const line = await path.haraka.waitForLine('notes are ')
    // As they were given: what is mended for core's sake is not stored.
    assert.match(line, /notes are \{"seen":"kept"\}/)
  })

  /** One mail through one of the servers. */
  async function passed(server: HarakaServer, mail: Mail, subject: string) {
    const { way, to, parameters = '', header = '', body } = mail
    const wire = mail.wire
      ? Buffer.from(mail.wire.toString().replace('SUBJECT', subject))
      : wireForm(Buffer.from(`Subject: ${subject}\r\n${header}\r\n${body}`))
    const client = await SmtpClient.connect(server)
    const replies: unknown[] = []
    const say = async (line: string) => replies.push(await client.command(line))
    await say(`MAIL FROM:<${way}@sender.example>${parameters}`)
    for (const one of to) await say(`RCPT TO:<${one}@example.com>`)
    await say('DATA')
    replies.push(await client.endWith(wire))
    await say('RSET')
    await say('NOOP')
    await client.quit()
    await untilEmpty(server)
    const originals = path.originalsOf(subject).map(digest)
    return { replies: known(JSON.stringify(replies)).replaceAll(subject, 'SUBJECT'), originals }

    function digest({ from, to, raw, parameters }: Received) {
      const text = known(raw.toString('latin1')).replaceAll(subject, 'SUBJECT')
      const octets = createHmac('sha256', 'x').update(text).digest('hex')
      return { from, to, parameters, octets, begins: text.slice(0, 2_000) }
    }
  }

  /** Core's own queue has delivered, or given up. */
  async function untilEmpty(server: HarakaServer): Promise<void> {
    const deadline = Date.now() + 10_000
    const isOfCore = (name: string) => !name.includes('_tdc')
    while (server.queueFiles().some(isOfCore)) {
      if (Date.now() > deadline) throw new Error(server.queueFiles().join(' '))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
})
