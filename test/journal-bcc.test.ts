import assert from 'node:assert/strict'
import { simpleParser } from 'mailparser'
import { BCC_REMOVALS, bccHead } from '../plugins/tdc/journal/bcc-copy'
import { decodeWords } from '../plugins/tdc/journal/encoded-word'
import { unfold } from '../plugins/tdc/journal/header-value'
import type { ReportFacts } from '../plugins/tdc/journal/report'
import { PLAIN, anyText, factsWith, filter } from './support/journal'
import { Dice } from './support/dice'

const TOKEN = { token: 'v=1; id=5F2A0B6C; mac=00' }

function copy(original: string, facts: ReportFacts = factsWith()): string {
  const { bytes, traits } = filter([Buffer.from(original)], { remove: BCC_REMOVALS })
  return bccHead(facts, TOKEN, traits).toString() + bytes.toString()
}

describe('journal: the bcc copy', () => {
  it('is the original with the envelope on top', () => {
    const expected = [
      'X-CSE-ClientIP: 203.0.113.7',
      'X-CSE-MailFrom: alice@example.net',
      'X-CSE-RcptTo: bob@example.com, carol@example.com',
      'X-CSE-MsgDirection: Incoming',
      'X-Haraka-TDC: v=1; id=5F2A0B6C; mac=00',
      'From: Alice <alice@example.net>',
      '',
      'Hello',
      '',
    ]
    const original = 'From: Alice <alice@example.net>\r\n\r\nHello\r\n'
    assert.equal(copy(original), expected.join('\r\n'))
  })

  it('takes out what the sender states in its place, in the header alone', () => {
    const forged = [
      'x-cse-clientip: 6.6.6.6',
      'X-CSE-MailFrom :\r\n boss@example.com',
      'X-CSE-RCPTTO: x',
      'X-CSE-MsgDirection\t: Outgoing',
      'X-Haraka-TDC: v=1',
      'X-TDC-Normalized: no',
      'X-TDC-Leading-Fold: no',
      'X-TDC-Replayed: no',
    ]
    const clean = 'A: 1\r\n\r\nX-CSE-ClientIP: 7\r\n'
    assert.equal(copy(`${forged.join('\r\n')}\r\n${clean}`), copy(clean))
  })

  it('says that line ends were changed, and lets no fold of the sender continue the token', () => {
    const lines = copy(' evil\nA: 1\n\n').split('\r\n')
    assert.deepEqual(lines.slice(4), [
      'X-Haraka-TDC: v=1; id=5F2A0B6C; mac=00',
      'X-TDC-Normalized: line-ends',
      'X-TDC-Leading-Fold: yes',
      ' evil',
      'A: 1',
      '',
      '',
    ])
  })

  it('names a null sender, an IPv4 client on an IPv6 socket, and folds 1000 recipients', async () => {
    const recipients = Array.from({ length: 1000 }, (_, i) => `"user ${i}"@example.com`)
    const facts = factsWith({ reversePath: '', clientIp: '::ffff:c000:201', recipients })
    const head = bccHead(facts, TOKEN, PLAIN).toString()
    assert.match(head, /^X-CSE-ClientIP: 192\.0\.2\.1\r\nX-CSE-MailFrom: <>\r\n/)
    assert.ok(head.split('\r\n').every((line) => line.length <= 78))
    const mail = await simpleParser(`${head}\r\nx`)
    assert.equal(mail.headers.get('x-cse-rcptto'), recipients.join(', '))
  })

  it('encodes addresses that are not ASCII', () => {
    const recipients = ['bob@example.com', 'grüße@bücher.example']
    const head = bccHead(factsWith({ recipients, reversePath: 'ü@x' }), TOKEN, PLAIN).toString()
    assert.match(head, /^[\x20-\x7e\r\n]*$/)
    const values = unfold(head).split('\r\n').map(decodeWords)
    assert.equal(values[1], 'X-CSE-MailFrom: ü@x')
    assert.equal(values[2], `X-CSE-RcptTo: ${recipients.join(', ')}`)
  })

  it('has five fields whatever the values', () => {
    const names = ['X-CSE-ClientIP', 'X-CSE-MailFrom', 'X-CSE-RcptTo', 'X-CSE-MsgDirection']
    const dice = Dice.thrown('bcc copies')
    for (let round = 0; round < 1500; round++) {
      const facts = factsWith({
        clientIp: anyText(dice),
        reversePath: anyText(dice),
        recipients: dice.list(6, () => anyText(dice)),
      })
      const head = bccHead(facts, { token: anyText(dice) }, PLAIN).toString('latin1')
      assert.ok(head.endsWith('\r\n'))
      const lines = head.slice(0, -2).split('\r\n')
      assert.ok(lines.every((line) => /^[\x20-\x7e]{1,998}$/.test(line)))
      const fields = lines.filter((line) => !/^ +[^ ]/.test(line))
      assert.deepEqual(
        fields.map((line) => line.split(': ')[0]),
        [...names, 'X-Haraka-TDC'],
      )
    }
  })
})
