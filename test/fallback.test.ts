import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { simpleParser } from 'mailparser'
import { envelopeOf } from '../plugins/tdc/smtp/envelope-commands'
import type { Outgoing } from '../plugins/tdc/smtp/outgoing'
import { Fallback } from '../plugins/tdc/queue/fallback'
import { stepAfter } from '../plugins/tdc/queue/next-step'
import { Dice } from './support/dice'
import type { Copy } from './support/intake'
import { attached, factsWith, journal, splitAtRandom, splitReport, stuff } from './support/journal'
import { MailPath } from './support/mail-path'

const LONG = 'y'.repeat(999)

describe('a report with its original as a file', () => {
  async function convert(content: Buffer, size: number, dice: Dice): Promise<Buffer> {
    const inPieces = () => Readable.from(splitAtRandom(content, dice))
    const form = await Fallback.of(dice.below(2) ? content : inPieces(), size)
    const converted = await form.convert(dice.below(2) ? content : inPieces())
    const bytes = Buffer.concat(
      Buffer.isBuffer(converted) ? [converted] : ((await converted.toArray()) as Buffer[]),
    )
    assert.equal(bytes.length, form.size)
    return bytes
  }

  it('has what the report has, whatever the original, in lines that any server takes', async () => {
    const dice = Dice.thrown('fallback')
    for (let round = 0; round < 300; round++) {
      const pieces = ['\r\n', '.', '..\r\n', '\0', LONG, 'ü', 'A: b\r\n', '\r\n\r\n', '--x']
      const text = dice.list(30, () => dice.pick(pieces)).join('')
      const original = Buffer.concat([Buffer.from(text), dice.octets(200)])
      const subject = dice.pick(['plain', `Grüße = 漢字 ${'ö'.repeat(60)} `, undefined])
      const report = journal(original, factsWith({ subject, reversePath: 'ä=@example.net' }))
      const wanted = attached(splitReport(report))
      const bytes = await convert(stuff([report]), report.length, dice)
      assert.match(bytes.toString('latin1'), /^(?:[\x20-\x7e\t]{0,998}\r\n)*$/)
      assert.doesNotMatch(bytes.toString('latin1'), /^\./m)
      assert.match(bytes.toString('latin1'), /^X-TDC-Fallback: original\.eml\r$/m)
      const plain = await simpleParser(report)
      const read = await simpleParser(bytes)
      assert.equal(read.text, plain.text)
      assert.equal(read.subject, plain.subject)
      const [file, ...others] = read.attachments
      assert.equal(others.length, 0)
      assert.equal(file?.filename, 'original.eml')
      assert.ok(file?.content.equals(wanted))
    }
  })

  it('is not made of anything but a report', async () => {
    for (const text of ['', 'Subject: x\r\n\r\nbody\r\n', 'x'.repeat(1_200_000)]) {
      await assert.rejects(Fallback.of(Buffer.from(text), text.length), /no report/)
    }
  })
})

describe('when a copy falls back', () => {
  const reply = (command: 'BODY' | 'RCPT', code: number) =>
    ({ kind: 'reply', command, reply: { code, text: 'no' } }) as const
  const rows = [
    ['a 5xx behind the text', reply('BODY', 554), true, undefined, 'fallback'],
    [
      'the same without the setting, or a second time',
      reply('BODY', 554),
      false,
      undefined,
      'hard-bounce',
    ],
    ['a 5xx for the recipient', reply('RCPT', 550), true, undefined, 'hard-bounce'],
    ['a 4xx behind the text', reply('BODY', 451), true, undefined, 'retry'],
    ['too large: the other form is larger', reply('BODY', 552), true, undefined, 'retry'],
    ['its time is over', reply('BODY', 554), true, 'expired', 'hard-bounce'],
  ] as const
  for (const [what, failure, mayFallBack, over, kind] of rows) {
    it(`${what}: ${kind}`, () => {
      const outcome = { kind: 'failed', dcid: 1, failure } as const
      const history = { failedAttempts: 0, over, lastFailure: undefined, mayFallBack }
      assert.equal(stepAfter(outcome, history).kind, kind)
    })
  }

  it('8-bit text is not sent for nothing where 8BITMIME is not offered', () => {
    const message = {
      recipient: 'a@b.example',
      reversePath: '',
      size: 1,
      eightBit: true,
    } as Outgoing
    const offered = { starttls: true, smtputf8: false, pipelining: false, chunking: false }
    const kinds = [true, false].flatMap((eightBitMime) =>
      [true, false].map(
        (mayFallBack) => envelopeOf({ ...message, mayFallBack }, { ...offered, eightBitMime }).kind,
      ),
    )
    assert.deepEqual(kinds, ['commands', 'commands', 'refused', 'commands'])
  })
})

describe('an intake that refuses what a message holds', function () {
  this.timeout(60_000)
  let path: MailPath

  /** As sendmail, Courier and a server that knows 7-bit only. */
  function picky({ raw }: Copy): Promise<string | undefined> {
    const text = raw.toString('latin1')
    if (text.includes('\0')) return Promise.resolve('554 5.6.1 NUL')
    if (/[^\n]{1000}/.test(text)) return Promise.resolve('550 line too long')
    if (/[^\0-\x7f]/.test(text)) return Promise.resolve('554 5.6.3 8-bit')
    return Promise.resolve(undefined)
  }

  const ORIGINALS = {
    nul: 'a\0b\r\n.\r\n..x\r\n',
    'eight-bit': 'Grüße\r\n',
    large: `${'z\0'.repeat(200)}\r\n`.repeat(1500),
  }

  const raw = (subject: string, body: string) => Buffer.from(`Subject: ${subject}\r\n\r\n${body}`)

  before(async () => {
    path = await MailPath.start({
      afterTdc: ['tdc_inspect'],
      sections: ['[journal]', 'fallback=true'],
    })
    path.onCopy = picky
  })
  after(() => path?.close())

  it('gets the original as a file, and a plain one as ever', async () => {
    for (const [subject, body] of Object.entries({ ...ORIGINALS, plain: 'x\r\n' })) {
      await path.send({ raw: raw(subject, body) })
      const original = await path.original(subject)
      const copy = await path.copy(subject)
      const { attachments } = await copy.report()
      // mailparser takes the type of an .eml for message/rfc822 itself.
      const isFile = copy.raw.includes(
        'Content-Type: application/octet-stream; name="original.eml"',
      )
      assert.equal(isFile, subject !== 'plain', subject)
      assert.equal(attachments.length, 1)
      const content = attachments[0]?.content.toString('latin1') ?? ''
      const [, own] = /^X-IronPort-RemoteIP: 127\.0\.0\.1\r\n([^]*)$/.exec(content) ?? []
      assert.equal(own, original.raw.toString('latin1'), subject)
    }
    const { messages, queue } = await path.settled()
    assert.equal(messages.fellBack, 3)
    assert.equal(queue.delivered, 4)
    await path.haraka.waitForLine(
      /refused by .*: DCID \d+ - .*5\.6\.1 NUL.*, sent once more with its original as a file/,
    )
  })

  it('that refuses that too is told of, once', async () => {
    path.onCopy = () => Promise.resolve('554 5.7.1 nothing at all')
    await path.send({ raw: raw('never', 'a\0b\r\n') })
    await path.haraka.waitForLine(/Hard bounced - .*5\.7\.1 nothing at all/)
    const { messages } = await path.settled()
    assert.equal(messages.fellBack, 4)
    assert.equal(path.copiesOf('never').length, 0)
  })
})
