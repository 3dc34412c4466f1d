import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { Dice } from './support/dice'
import { IntakeLink, outgoing } from './support/intake-link'
import { journal, splitAtRandom, stuff } from './support/journal'

const MESSAGES = 120

/** What originals are made of: ends of a message for some server or other, and commands. */
const PIECES = [
  ...['\r\n', '\r', '\n', '.', '..', '\0', '\x85', '\xff', 'a', 'A: b\r\n', '\r\n\r\n'],
  ...['\r\n.\r\n', '\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r', '\r\n\0.\r\n', '\r\r\n.\r\n'],
  ...['MAIL FROM:<evil@x>\r\n', 'RCPT TO:<v@x>\r\n', 'DATA\r\n', 'BDAT 3 LAST\r\n', 'QUIT\r\n'],
]

/** How an intake lets a message be sent, and the commands that each message then takes. */
const WAYS = [
  { name: 'DATA', keywords: ['8BITMIME'], verbs: ['MAIL', 'RCPT', 'DATA'] },
  { name: 'pipelined DATA', keywords: ['8BITMIME', 'PIPELINING'], verbs: ['MAIL', 'RCPT', 'DATA'] },
  {
    name: 'BDAT',
    keywords: ['8BITMIME', 'PIPELINING', 'CHUNKING'],
    verbs: ['MAIL', 'RCPT', 'BDAT', 'RSET'],
  },
]

describe('nothing of an original becomes a command to the intake', function () {
  this.timeout(60_000)

  for (const { name, keywords, verbs } of WAYS) {
    it(`${name}: as many ends as messages, and each is the report that was made (fuzz)`, async () => {
      const dice = Dice.thrown(`wire of ${name}`)
      const link = await IntakeLink.start({ keywords })
      const session = await link.session()
      const reports = Array.from({ length: MESSAGES }, () => journal(anyOriginal(dice)))
      for (const report of reports) {
        const wire = stuff(splitAtRandom(report, dice))
        const content = () => (dice.below(2) ? wire : Readable.from(splitAtRandom(wire, dice)))
        const message = outgoing({ size: report.length, eightBit: true, content })
        assert.equal((await session.send(message)).outcome.kind, 'delivered')
      }
      session.destroy()
      await link.close()

      const { messages } = link.server
      assert.equal(messages.length, MESSAGES)
      for (const [at, { raw, mailFrom, rcptTo }] of messages.entries()) {
        assert.ok(reports[at]?.equals(raw), `message ${at} is another one`)
        assert.doesNotMatch(raw.toString('latin1'), /\r(?!\n)|(?<!\r)\n/, 'bare CR or LF')
        assert.deepEqual([mailFrom, rcptTo], ['', ['intake@example.com']])
      }
      const said = link.server.connections.flatMap(({ seen }) => seen.lines('tls'))
      const wanted = Array.from({ length: MESSAGES }, () => verbs).flat()
      // What a connection shows first: a chunk is read when it is refused, and when it is accepted.
      if (name === 'BDAT') {
        wanted.splice(2, 0, 'BDAT')
        wanted.unshift('BDAT', 'RSET')
      }
      assert.deepEqual(said.map(verbOf), ['EHLO', ...wanted])
    })
  }

  const notRead = { reply: '502 5.5.1 RCPT first', isRead: false }
  const DECEIVERS = [
    ['short', 'does not know the BDAT that it offers', { bdat: false }],
    ['long', 'does not know the BDAT that it offers', { bdat: false }],
    ['short', 'does not read a chunk that it refuses', { refusedChunk: notRead }],
    ['long', 'does not read a chunk that it refuses', { refusedChunk: notRead }],
  ] as const
  for (const [name, what, deceiver] of DECEIVERS) {
    it(`nor of a ${name} one, where the intake ${what}`, async () => {
      const keywords = ['8BITMIME', 'PIPELINING', 'CHUNKING']
      const link = await IntakeLink.start({ keywords, ...deceiver })
      const body = `A: 1\r\n\r\n${'MAIL FROM:<evil@x>\r\n'.repeat(name === 'long' ? 20_000 : 1)}`
      const message = outgoing({ body })
      const first = await link.session()
      const { outcome, fault } = await first.send(message)
      assert.deepEqual([outcome.kind, fault], ['failed', 'connection'])
      const second = await link.session()
      assert.equal((await second.send(message)).outcome.kind, 'delivered')
      second.destroy()
      await link.close()
      const said = link.server.connections.map(({ seen }) => seen.lines('tls').map(verbOf))
      assert.deepEqual(said, [
        ['EHLO', 'BDAT', 'XXRSET', 'MAIL', 'RCPT', 'BDAT'],
        ['EHLO', 'MAIL', 'RCPT', 'DATA'],
      ])
      assert.equal(link.server.messages[0]?.raw.toString(), body)
    })
  }

  it('the server takes what is not stuffed for commands (control)', async () => {
    const link = await IntakeLink.start({ keywords: [] })
    const session = await link.session()
    const wire = Buffer.from('A: 1\r\n\r\nx\r\n.\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<v@x>\r\n')
    await session.send(outgoing({ size: wire.length, content: () => wire }))
    session.destroy()
    await link.close()
    const said = link.server.connections.flatMap(({ seen }) => seen.lines('tls'))
    assert.ok(said.includes('MAIL FROM:<evil@x>'))
  })
})

function anyOriginal(dice: Dice): Buffer {
  const text = dice.list(40, () => dice.pick(PIECES)).join('')
  return dice.below(4) ? Buffer.from(text, 'latin1') : dice.octets(600)
}

const verbOf = (line: string) => line.split(/[ :]/)[0]
