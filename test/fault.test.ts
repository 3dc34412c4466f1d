import assert from 'node:assert/strict'
import { type Fault, faultOf } from '../plugins/tdc/smtp/fault'
import { systemClock } from '../plugins/tdc/clock'
import type { SmtpCommand } from '../plugins/tdc/smtp/outcome'
import { DeliveryLine } from './faults/delivery-line'
import type { Step } from './support/fault-script'
import { IntakeLink } from './support/intake-link'

type Where = SmtpCommand | 'CHUNK'

/** What the intakes of the world say, where, and whose fault it is: first over a connection, later. */
const ROWS: readonly [said: string, where: readonly Where[], fresh: Fault, used: Fault][] = [
  // Stalwart, OpenSMTPD, Exchange Online, Postfix (full disk): the connection has had its share.
  ['452 4.4.5 Maximum number of messages per session exceeded.', ['DATA'], 'intake', 'connection'],
  ['452 4.5.3 Too many messages sent', ['MAIL'], 'intake', 'connection'],
  ['452 4.3.1 Insufficient system resources', ['MAIL', 'RCPT', 'BODY'], 'host', 'connection'],
  ['452 4.3.1 Insufficient system storage', ['MAIL', 'CHUNK'], 'host', 'connection'],
  ['452 Insufficient system storage', ['MAIL', 'RCPT', 'DATA', 'BODY'], 'host', 'connection'],
  ['451 4.3.0 Temporary lookup failure', ['MAIL', 'RCPT', 'BODY'], 'host', 'connection'],
  ['451 4.4.1 No route', ['RCPT'], 'host', 'connection'],
  ['421 4.4.2 mx Error: timeout exceeded', ['MAIL', 'DATA'], 'connection', 'connection'],
  ['421 Idle too long, timed out', ['MAIL'], 'connection', 'connection'],
  ['421 Service not available', ['CONNECT', 'EHLO', 'MAIL', 'BODY'], 'host', 'connection'],
  // Postfix's limits, its postscreen, Exim, Sendmail, Gmail: too much from us.
  ['450 4.7.1 Error: too much mail from 192.0.2.1', ['MAIL'], 'intake', 'connection'],
  ['421 4.7.0 mx Error: too many connections from 192.0.2.1', ['CONNECT'], 'intake', 'connection'],
  ['421 4.7.0 mx Error: too many errors', ['RCPT'], 'intake', 'connection'],
  ['450 4.3.2 Service currently unavailable', ['RCPT'], 'intake', 'connection'],
  ['421 Too many concurrent SMTP connections', ['CONNECT'], 'intake', 'connection'],
  ['421 4.3.2 Connection rate limit exceeded.', ['CONNECT'], 'intake', 'connection'],
  ['450 4.7.28 unusual rate of mail', ['BODY'], 'intake', 'connection'],
  // Nothing is known of what was meant: before the text another host may take it.
  ['451 Later', ['EHLO', 'MAIL', 'RCPT', 'DATA', 'CHUNK'], 'host', 'connection'],
  ['451 Later', ['BODY'], 'copy', 'copy'],
  ['450 4.2.0 Greylisted', ['RCPT'], 'host', 'connection'],
  ['451 4.7.1 Greylisting in action', ['RCPT'], 'host', 'connection'],
  // The message, its size, the mailbox: said when the intake had it.
  ['451 4.6.0 Cannot be converted', ['BODY'], 'copy', 'copy'],
  ['452 4.3.4 Message too big for system', ['MAIL', 'BODY'], 'copy', 'copy'],
  ['450 4.2.2 Over quota', ['BODY'], 'copy', 'copy'],
  // 5xx are final (but 503 and 552, which have their retry).
  ['550 5.7.1 Too many messages', ['MAIL', 'BODY'], 'copy', 'copy'],
  ['552 5.2.2 Mailbox full', ['RCPT'], 'copy', 'copy'],
  ['503 5.5.1 MAIL first', ['RCPT'], 'copy', 'copy'],
]

describe('whose fault a refusal is', () => {
  for (const [said, places, fresh, used] of ROWS) {
    it(`${said}, to ${places.join(', ')}: ${fresh}, ${used}`, () => {
      for (const where of places) {
        assert.equal(faultOf(refusal(said, where, false)), fresh, `${where}, fresh`)
        assert.equal(faultOf(refusal(said, where, true)), used, `${where}, used`)
      }
    })
  }
})

function refusal(said: string, where: Where, used: boolean) {
  const [, code = '', , enhanced, text = ''] = /^(\d+) ((\d\.\d+\.\d+) )?(.*)$/.exec(said) ?? []
  const reply = { code: Number(code), text, ...(enhanced ? { enhanced } : {}) }
  const command = where === 'CHUNK' ? 'BODY' : where
  return { command, reply, used, firstChunk: where === 'CHUNK' }
}

/** What intakes offer, and where they say 452 to all after the tenth message of a connection. */
const SHARES: readonly [keywords: readonly string[], where: readonly Step[]][] = [
  [[], ['MAIL', 'RCPT', 'DATA', 'BODY']],
  [['PIPELINING'], ['MAIL', 'RCPT', 'DATA', 'BODY']],
  [
    ['PIPELINING', 'CHUNKING'],
    ['MAIL', 'RCPT', 'BODY'],
  ],
]
const SHARE = 10
const COPIES = 60

describe('an intake whose connections have had their share after ten messages', () => {
  for (const [keywords, places] of SHARES) {
    for (const on of places) {
      const offered = keywords.join(' and ') || 'neither'
      it(`has each of 60 copies once, by ${offered}, when it says 452 to ${on}`, async () => {
        const script = [{ on, from: SHARE + 1, reply: '452 4.3.1 Insufficient system resources' }]
        const link = await IntakeLink.start({ script, keywords }, { clock: systemClock })
        const line = new DeliveryLine(link.options, {
          ...{ maxAge: 30_000, retryDelay: 10 },
          ...{ minConnections: 1, maxConnections: 2 },
        })
        const subjects = Array.from({ length: COPIES }, (_, at) => `n${at}`)
        const ended = await Promise.all(
          subjects.map((n) => line.deliver(n, Buffer.from(`Subject: ${n}\r\n\r\nhello\r\n`))),
        )
        line.close()
        await link.close()
        const taken = link.server.messages.filter(({ code }) => code === 250)
        const found = taken.map(({ raw }) => /^Subject: (\w+)/.exec(String(raw))?.[1])
        assert.deepEqual(found.sort(), subjects.sort())
        assert.deepEqual(
          [...new Set(ended.map(({ kind, attempts }) => `${kind} ${attempts}`))],
          ['delivered 1'],
        )
        const met = link.server.connections.flatMap(({ seen }) => seen.steps)
        const refused = met.filter((step) => step === on).length - COPIES
        assert(refused > 0, 'none had its share')
      })
    }
  }
})
