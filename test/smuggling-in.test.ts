import assert from 'node:assert/strict'
import { isCopyOf } from './support/identical'
import { INTAKE_ADDRESS, MailPath } from './support/mail-path'
import { type Reply, SmtpClient } from './support/smtp-client'

/** What some server takes, or once took, for the end of a message; RFC 5321 4.1.1.4: CRLF.CRLF alone. */
const ENDS = {
  'LF.LF': '\n.\n',
  'LF.CRLF': '\n.\r\n',
  'CRLF.LF': '\r\n.\n',
  'CR.CR': '\r.\r',
  'CRLF.CR': '\r\n.\r',
  'CRLF NUL.CRLF': '\r\n\0.\r\n',
  'CRLF.NUL CRLF': '\r\n.\0\r\n',
  'CRCRLF.CRLF': '\r\r\n.\r\n',
  'CRCRLF.CRCRLF': '\r\r\n.\r\r\n',
}

const EVIL = 'evil@sender.example'
const VICTIM = 'victim@example.com'

describe('a second message smuggled into the first', function () {
  this.timeout(60_000)
  let path: MailPath

  before(async () => {
    path = await MailPath.start({ beforeTdc: ['tdc_inspect'] })
  })
  after(() => path.close())

  for (const [name, end] of Object.entries(ENDS)) {
    it(`behind ${name}: one message at most, and one copy of it`, async () => {
      const { code } = await smuggle(name, end)
      assert.ok(code === 250 || code === 451, `${code}`)
      await path.settled()
      assert.deepEqual(smuggled(), [], 'a transaction that nobody began')
      const [original, ...others] = path.originalsOf(name)
      const [copy, ...more] = path.copiesOf(name)
      assert.deepEqual([others, more], [[], []])
      assert.deepEqual([!!original, !!copy], [code === 250, code === 250])
      if (!original || !copy) return
      assert.deepEqual(copy.to, [INTAKE_ADDRESS])
      assert.ok(isCopyOf(await copy.original(), wholeLines(original.raw)))
    })
  }

  it('behind the real end, in one piece with it: the first message alone', async () => {
    assert.equal((await smuggle('real', '\r\n.\r\n')).code, 250)
    await path.copy('real')
    await path.settled()
    assert.deepEqual([path.copiesOf('real').length, smuggled()], [1, []])
  })

  it('would be seen (control)', async () => {
    await path.send({ from: EVIL, to: [VICTIM], raw: Buffer.from('Subject: open\r\n\r\n') })
    await path.copy('open')
    assert.deepEqual(smuggled(), [VICTIM])
  })

  /** The reply to a message with `end` and the commands of another one in its text. */
  async function smuggle(subject: string, end: string): Promise<Reply> {
    const client = await SmtpClient.connect(path.haraka)
    await client.begin({ from: 'alice@example.net', to: ['bob@example.com'] })
    const first = `Subject: ${subject}\r\n\r\nfirst`
    const second = `MAIL FROM:<${EVIL}>\r\nRCPT TO:<${VICTIM}>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n`
    const reply = await client.endWith(Buffer.from(first + end + second, 'latin1'))
    await client.quit()
    return reply
  }

  function smuggled(): readonly string[] {
    const found = path.mailbox.messages.entries.filter(({ from }) => from === EVIL)
    return found.flatMap(({ to }) => to)
  }
})

/** RFC 5321 2.3.8: a bare CR cannot be sent; before a line end it is part of it, elsewhere a blank. */
function wholeLines(raw: Buffer): Buffer {
  const text = raw.toString('latin1').replace(/\r*\n/g, '\r\n')
  return Buffer.from(text.replace(/\r(?!\n)/g, ' '), 'latin1')
}
