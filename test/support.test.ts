import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import { createAuthority } from './support/certificates'
import { type HarakaServer, logText, startHaraka } from './support/haraka'
import { isDeliveryOf } from './support/identical'
import { type Intake, startIntakesOnOnePort } from './support/intake'
import { type Mailbox, type Received, startMailbox, type Verdict } from './support/mailbox'
import { sendMail, SmtpClient, wireForm } from './support/smtp-client'

const mail = (raw: string | Buffer) => ({
  from: 'a@client.example',
  to: ['b@example.com', '"odd>name"@example.com'],
  raw: Buffer.from(raw),
})

describe('test support', () => {
  describe('SMTP client and mailbox', () => {
    let mailbox: Mailbox
    let verdict: (message: Received) => Verdict

    beforeEach(async () => {
      verdict = () => ({ do: 'accept' })
      mailbox = await startMailbox({ verdict: (message) => verdict(message) })
    })
    afterEach(() => mailbox.close())

    const bodies = {
      'an empty message': '',
      'one dot': '.\r\n',
      'lines of dots': '\r\n.\r\n..\r\n...x\r\n\r\n.\r\n',
      'a final blank line': 'Subject: x\r\n\r\nbody\r\n\r\n',
      'every octet but CR and LF': Buffer.concat([
        Buffer.from(Array.from({ length: 256 }, (_, octet) => octet).filter(notLineEnd)),
        Buffer.from('\r\n'),
      ]),
      'a megabyte': 'x'.repeat(70).concat('\r\n').repeat(15_000),
    }
    for (const [name, raw] of Object.entries(bodies)) {
      it(`carries ${name} byte for byte`, async () => {
        const sent = mail(raw)
        const reply = await sendMail(mailbox, sent)
        assert.equal(reply.code, 250)
        assert.deepEqual(mailbox.messages.entries, [{ ...sent, parameters: [] }])
      })
    }

    it('finds the end of the data however the bytes are cut', async () => {
      const client = await SmtpClient.connect(mailbox)
      const sent = mail('a\r\n.b\r\n\r\n')
      await client.begin(sent)
      for (const octet of wireForm(sent.raw)) client.write(Buffer.from([octet]))
      const [received] = await mailbox.messages.atLeast(1, 2000, 'messages')
      assert.deepEqual(received?.raw, sent.raw)
      client.hangUp()
    })

    it('sends many mails over one connection', async () => {
      const client = await SmtpClient.connect(mailbox)
      for (let at = 0; at < 3; at++) await client.send(mail(`${at}\r\n`))
      await client.quit()
      assert.equal(mailbox.messages.size, 3)
    })

    it('answers as it is told and keeps nothing then', async () => {
      verdict = () => ({ do: 'answer', reply: '451 4.3.0 later' })
      assert.deepEqual(await sendMail(mailbox, mail('x\r\n')), {
        code: 451,
        lines: ['4.3.0 later'],
      })
      verdict = () => ({ do: 'drop' })
      await assert.rejects(sendMail(mailbox, mail('x\r\n')), /closed/)
      assert.equal(mailbox.messages.size, 0)
    })

    it('waits before it accepts', async () => {
      let accept = () => {}
      const asked = new Promise<void>((resolve) => {
        verdict = () => {
          resolve()
          return { do: 'wait', until: new Promise<void>((until) => (accept = until)) }
        }
      })
      const reply = sendMail(mailbox, mail('x\r\n'))
      await asked
      assert.equal(mailbox.messages.size, 0)
      accept()
      assert.equal((await reply).code, 250)
      assert.equal(mailbox.messages.size, 1)
    })

    it('hangs up right after the final dot', async () => {
      const client = await SmtpClient.connect(mailbox)
      await client.sendAndHangUp(mail('x\r\n'))
      const [received] = await mailbox.messages.atLeast(1, 2000, 'messages')
      assert.equal(received?.raw.toString(), 'x\r\n')
    })
  })

  describe('intakes', () => {
    let intakes: Intake[]
    let trusted: string

    before(async () => {
      const authority = await createAuthority()
      trusted = authority.caPem
      intakes = await startIntakesOnOnePort([
        { authority, names: ['mx.a.example'], host: '127.0.0.2' },
        { authority, names: ['mx.b.example'], host: '127.0.0.3' },
      ])
    })
    after(() => Promise.all(intakes.map((intake) => intake.close())))

    it('share a port, each on its own address', () => {
      const [a, b] = intakes
      assert.deepEqual([a?.host, b?.host], ['127.0.0.2', '127.0.0.3'])
      assert.equal(a?.port, b?.port)
    })

    it('take nothing in clear text', async () => {
      await assert.rejects(sendMail(intakeOf(intakes), mail('x\r\n')), /refused: 530 5\.7\.0/)
    })

    it('keep what comes over TLS, and read the attached original', async () => {
      const original = Buffer.from('Subject: \xe9\r\n\r\n.\r\n\r\n', 'latin1')
      const intake = intakeOf(intakes)
      const transport = createTransport({
        host: intake.host,
        port: intake.port,
        requireTLS: true,
        tls: { ca: trusted, servername: 'mx.a.example' },
      })
      const raw = Buffer.concat([REPORT_HEAD, original, Buffer.from('\r\n--b--\r\n')])
      await transport.sendMail({ envelope: { from: '', to: ['j@a.example'] }, raw })
      const [copy] = await intake.copies.atLeast(1, 2000, 'copies')
      assert.deepEqual([copy?.from, copy?.to, copy?.protocol], ['', ['j@a.example'], 'TLSv1.3'])
      assert.deepEqual(copy?.raw, raw)
      assert.deepEqual(await copy?.original(), original)
      assert.equal(intake.connections, 2)
    })
  })

  describe('Haraka', function () {
    this.timeout(60_000)
    let mailbox: Mailbox
    let server: HarakaServer

    before(async () => {
      mailbox = await startMailbox()
      server = await startHaraka({
        plugins: ['rcpt_to.in_host_list', 'note_mail', 'queue/smtp_forward'],
        localPlugins: {
          note_mail: `exports.hook_mail = function (next) { this.lognotice('mail seen'); next() }`,
        },
        config: { 'smtp_forward.ini': `[main]\nhost=127.0.0.1\nport=${mailbox.port}\n` },
      })
    })
    after(async () => {
      await server.remove()
      await mailbox.close()
    })

    it('takes a mail and sends it on, unchanged below its own header', async () => {
      const sent = mail('Subject: x\r\n\r\n.body\r\n')
      const reply = await sendMail(server, { ...sent, to: ['b@example.com'] })
      assert.equal(reply.code, 250)
      const [received] = mailbox.messages.entries
      assert.ok(received && isDeliveryOf(received.raw, sent.raw))
      assert.equal(logText(await server.waitForLine('mail seen')), 'mail seen')
    })

    it('ends and starts again with a new log', async () => {
      await server.restart()
      assert.ok(!server.log.some((line) => line.includes('mail seen')))
      const client = await SmtpClient.connect(server)
      await client.quit()
    })

    it('can be killed, which those who wait for a line hear at once', async () => {
      const line = server.waitForLine('never written')
      await server.kill9()
      await assert.rejects(line, /Haraka ended without a line never written\n.*Starting up/s)
      assert.equal(server.running, false)
      assert.deepEqual(server.queueFiles(), [])
      await server.start()
    })

    it('fails a wait at its deadline, with the log', async () => {
      await assert.rejects(server.waitForLine(/never/, 20), /not within 20 ms.*Starting up/s)
    })
  })
})

const REPORT_HEAD = Buffer.from(
  'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' +
    '--b\r\nContent-Type: text/plain\r\n\r\nRecipient: b@example.com\r\n\r\n' +
    '--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n',
)

function notLineEnd(octet: number): boolean {
  return octet !== 10 && octet !== 13
}

function intakeOf([first]: Intake[]): Intake {
  assert.ok(first)
  return first
}
