import assert from 'node:assert/strict'
import { isSafeAddress } from '../plugins/tdc/smtp/path-syntax'
import { capabilitiesOf } from '../plugins/tdc/smtp/capabilities'
import { type Envelope, envelopeOf } from '../plugins/tdc/smtp/envelope-commands'
import type { Outgoing } from '../plugins/tdc/smtp/outgoing'
import { IntakeLink, outgoing } from './support/intake-link'

interface Row {
  readonly what: string
  readonly message: Partial<Outgoing>
  readonly offered?: readonly string[]
  readonly envelope: Envelope
}

const ROWS: readonly Row[] = [
  {
    what: 'nothing is offered, nothing is added',
    message: { eightBit: true, smtputf8: true },
    envelope: commands('MAIL FROM:<>'),
  },
  {
    what: 'what is offered and wanted is added',
    message: { size: 7, eightBit: true, smtputf8: true },
    offered: ['SIZE 100', '8BITMIME', 'SMTPUTF8'],
    envelope: commands('MAIL FROM:<> SIZE=7 BODY=8BITMIME SMTPUTF8'),
  },
  {
    what: 'what is offered but not wanted is not added',
    message: { size: 7, reversePath: 'a@b.example' },
    offered: ['8BITMIME', 'SMTPUTF8'],
    envelope: commands('MAIL FROM:<a@b.example>'),
  },
  {
    what: 'as large as the limit',
    message: { size: 100 },
    offered: ['SIZE 100'],
    envelope: commands('MAIL FROM:<> SIZE=100'),
  },
  {
    what: 'larger than the limit',
    message: { size: 101 },
    offered: ['SIZE 100'],
    envelope: refused('MAIL', 552, '5.3.4', '101 octets, the intake takes 100'),
  },
  {
    what: 'SIZE without a limit',
    message: { size: 1e9 },
    offered: ['SIZE 0'],
    envelope: commands('MAIL FROM:<> SIZE=1000000000'),
  },
  {
    what: 'an internationalized recipient without SMTPUTF8',
    message: { recipient: 'd\u00fc@b.example', smtputf8: true },
    envelope: refused('RCPT', 553, '5.6.7', 'the recipient address needs SMTPUTF8'),
  },
  {
    what: 'an internationalized sender without SMTPUTF8',
    message: { reversePath: 'd\u00fc@b.example', smtputf8: true },
    envelope: refused('MAIL', 553, '5.6.7', 'the sender address needs SMTPUTF8'),
  },
  {
    what: 'an internationalized recipient that did not ask for SMTPUTF8',
    message: { recipient: 'd\u00fc@b.example' },
    offered: ['SMTPUTF8'],
    envelope: refused('RCPT', 553, '5.6.7', 'the recipient address needs SMTPUTF8'),
  },
  {
    what: 'an internationalized recipient with SMTPUTF8',
    message: { recipient: 'd\u00fc@b.example', smtputf8: true },
    offered: ['SMTPUTF8'],
    envelope: commands('MAIL FROM:<> SMTPUTF8', 'RCPT TO:<d\u00fc@b.example>'),
  },
  {
    what: 'a recipient that would be a command of its own',
    message: { recipient: 'a@b.example>\r\nDATA' },
    envelope: refused('RCPT', 553, '5.1.3', 'bad recipient address'),
  },
  {
    what: 'no recipient',
    message: { recipient: '' },
    envelope: refused('RCPT', 553, '5.1.3', 'bad recipient address'),
  },
  {
    what: 'a sender that would add a parameter',
    message: { reversePath: 'a@b.example> SIZE=1' },
    envelope: refused('MAIL', 553, '5.1.7', 'bad sender address'),
  },
]

describe('delivery: envelope', () => {
  for (const { what, message, offered = [], envelope } of ROWS) {
    it(what, () => {
      const capabilities = capabilitiesOf(['mx.example', ...offered])
      assert.deepEqual(envelopeOf(outgoing(message), capabilities), envelope)
    })
  }

  const SAFE = [
    'a@b',
    '"a b"@c',
    '"a<>"@c',
    '"a\\"b"@c',
    'd\u00fc@b',
    '"a\\\\"@c',
    'a.b+c@[1.2.3.4]',
  ]
  const UNSAFE = [
    ...['a b@c', 'a<@b', 'a>@b', 'a\rb@c', 'a\nb@c', 'a\0b@c', 'a\tb@c', 'a\x7f@b'],
    ...['"a\rb"@c', '"a\\\rb"@c', '"a\0"@c', '"a@b', '"a\\"@b', '"a"b c"@d', 'a\\ b@c', '"a\\'],
  ]
  for (const address of SAFE) {
    it(`${JSON.stringify(address)} is safe`, () => assert.equal(isSafeAddress(address), true))
  }
  for (const address of UNSAFE) {
    it(`${JSON.stringify(address)} is not safe`, () => assert.equal(isSafeAddress(address), false))
  }

  it('what is refused here is not begun there, and the connection goes on', async () => {
    const link = await IntakeLink.start({ keywords: ['SIZE 100'] })
    const session = await link.session()
    const large = await session.send(outgoing({ size: 101 }))
    const bad = await session.send(outgoing({ recipient: 'a b@c' }))
    assert.deepEqual([large.reusable, bad.reusable], [true, true])
    assert.deepEqual([large.fault, bad.fault], ['copy', 'copy'])
    assert.deepEqual(link.server.connections[0]?.seen.lines('tls'), ['EHLO gateway.example'])
    assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
    session.destroy()
    await link.close()
  })

  it('SMTPUTF8 puts UTF-8 on the wire', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    await session.send(outgoing({ recipient: 'd\u00fc@b.example', smtputf8: true }))
    const recipient = link.server.messages[0]?.rcptTo[0] ?? ''
    assert.equal(Buffer.from(recipient, 'latin1').toString('utf8'), 'd\u00fc@b.example')
    session.destroy()
    await link.close()
  })

  it('a name for EHLO with a line break never reaches the wire', async () => {
    const link = await IntakeLink.start({}, { helo: 'x\r\nMAIL FROM:<>' })
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'network')
    assert.equal(opened.failure.reason, 'a command with control characters was not sent')
    assert.equal(link.server.connections[0]?.seen.plaintext.length, 0)
    await link.close()
  })
})

function commands(mail: string, rcpt = 'RCPT TO:<intake@example.com>'): Envelope {
  return { kind: 'commands', mail, rcpt }
}

function refused(command: 'MAIL' | 'RCPT', code: number, enhanced: string, why: string): Envelope {
  return { kind: 'refused', command, reply: { code, enhanced, text: `not sent: ${why}` } }
}
