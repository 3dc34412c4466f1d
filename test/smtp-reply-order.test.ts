import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Conversation } from '../plugins/tdc/smtp/conversation'
import type { SendResult } from '../plugins/tdc/smtp/session'
import type { SecureSocket } from '../plugins/tdc/smtp/tls'
import { bdat, Wire } from '../plugins/tdc/smtp/wire'
import { FakeClock } from './support/fake-clock'
import type { Script } from './support/fault-script'
import { IntakeLink, outgoing, TIMEOUTS, WINDOW } from './support/intake-link'

const KEYWORDS = ['PIPELINING', 'CHUNKING', 'SIZE 52428800', '8BITMIME']

/** An intake that says the same to everything, so that no reply tells what it answers. */
const PLAIN: Script = (['MAIL', 'RCPT', 'BODY', 'RSET'] as const).map((on) => ({
  on,
  reply: '250 Ok',
}))

/** As Exim says it. */
const OWN_WORDS: Script = [
  { on: 'MAIL', reply: '250 OK' },
  { on: 'RCPT', reply: '250 Accepted' },
  { on: 'BODY', nth: 1, reply: '250 OK id=1xX9DA-0000I0-0M' },
  { on: 'BODY', reply: '250 OK id=1xX9DA-0000I0-2B' },
  { on: 'RSET', reply: '250 Reset OK' },
]

const REFUSAL = '554 5.7.1 No'

const whole = (body: string) => bdat('BODY', Buffer.from(body))

/**
 * Sends four messages at once; `delivered`, or the failure, for each. The first RSET of a connection is
 * none of theirs.
 */
async function sendFour(script: Script): Promise<{ results: string[]; taken: string[] }> {
  const link = await IntakeLink.start({ script, keywords: KEYWORDS })
  const session = await link.session()
  const messages = [0, 1, 2, 3].map((n) =>
    outgoing({ mid: `M.${n}`, body: `Subject: ${n}\r\n\r\n${n}\r\n` }),
  )
  const results = (await Promise.all(messages.map((message) => session.send(message)))).map(view)
  session.destroy()
  await link.close()
  const taken = link.server.messages
    .filter(({ code }) => code === 250)
    .map(({ raw }) => raw.toString().slice(9, 10))
  return { results, taken }
}

/** A copy's own fault needs no word. */
const BLAMED = { copy: '', connection: 'uncharged', host: 'host', intake: 'intake' }

function view({ outcome, fault, reusable }: SendResult): string {
  const failure = outcome.kind === 'failed' ? outcome.failure : undefined
  const what =
    failure?.kind === 'network'
      ? failure.details
      : failure?.kind === 'reply'
        ? `${failure.command} ${failure.reply.code}`
        : outcome.kind
  return [what, BLAMED[fault], reusable ? '' : 'ended'].filter(Boolean).join(', ')
}

const D = 'delivered'
const UNSURE = 'protocol, ended'

describe('delivery: replies that are not those of their commands', () => {
  const rows: [what: string, script: Script, results: string[]][] = [
    [
      'a reply too many, then a refusal: the refused message is not taken for delivered',
      [
        { on: 'MAIL', nth: 2, reply: '250 Ok', extra: '250 Ok\r\n' },
        { on: 'BODY', nth: 2, reply: REFUSAL },
        ...PLAIN,
      ],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'a reply too many behind a message, and the next one is refused',
      [
        { on: 'BODY', nth: 1, reply: '250 Ok', extra: '250 Ok\r\n' },
        { on: 'RCPT', nth: 2, reply: REFUSAL },
        { on: 'BODY', nth: 2, reply: '503 5.5.1 No recipient' },
        ...PLAIN,
      ],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'a status that belongs to another command',
      [{ on: 'MAIL', nth: 2, extra: '250 2.1.0 Sender ok\r\n' }],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'two replies too many, then a refusal, with enhanced statuses',
      [
        { on: 'RSET', nth: 3, extra: '250 Ok\r\n250 Ok\r\n' },
        { on: 'BODY', nth: 3, reply: REFUSAL },
      ],
      [D, D, UNSURE, UNSURE],
    ],
    [
      'no reply to a message, and RSET has words of its own',
      [{ on: 'BODY', nth: 2, raw: '' }, ...OWN_WORDS],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'no reply to a message, and RSET has a status without meaning',
      [{ on: 'BODY', nth: 2, raw: '' }],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'a code that no command in a window has',
      [{ on: 'MAIL', nth: 2, reply: '354 Go ahead' }],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'RSET is refused: what was said before it may be another reply',
      [{ on: 'RSET', nth: 3, reply: '550 5.0.0 No' }],
      [D, UNSURE, UNSURE, UNSURE],
    ],
    [
      'a reply behind the last one',
      [{ on: 'RSET', nth: 5, extra: '250 2.0.0 Again\r\n' }],
      [D, D, D, UNSURE],
    ],
  ]
  for (const [what, script, results] of rows) {
    it(what, async () => {
      assert.deepEqual((await sendFour(script)).results, results)
    })
  }

  it('an intake that knows no RSET gets each copy by DATA, and no copy is charged for it', async () => {
    const link = await IntakeLink.start({
      script: [{ on: 'RSET', reply: '502 5.5.1 What?' }],
      keywords: KEYWORDS,
    })
    const first = await link.session()
    const results = await Promise.all([outgoing(), outgoing()].map((each) => first.send(each)))
    assert.deepEqual(results.map(view), [
      'protocol, uncharged, ended',
      'protocol, uncharged, ended',
    ])
    const second = await link.session()
    assert.equal(second.window, 1)
    assert.equal(view(await second.send(outgoing())), D)
    await link.clock.advance(3_600_000)
    assert.equal((await link.session()).window, WINDOW, 'for an hour')
    second.destroy()
    await link.close()
  })

  it('a chunk that could not be stored ends the connection: of those behind it nothing is believed', async () => {
    const full: Script = [{ on: 'BODY', nth: 2, reply: '452 No space' }, ...OWN_WORDS]
    const behind = 'closed, uncharged, ended'
    assert.deepEqual((await sendFour(full)).results, [
      D,
      'BODY 452, uncharged, ended',
      behind,
      behind,
    ])
    const modern: Script = [{ on: 'BODY', nth: 2, reply: '452 4.3.1 No space' }]
    assert.deepEqual((await sendFour(modern)).results, [D, 'BODY 452, uncharged', D, D])
  })

  it('an intake that says the same to all gets one message at a time', async () => {
    const link = await IntakeLink.start({ script: PLAIN, keywords: KEYWORDS })
    const session = await link.session()
    assert.equal(session.window, WINDOW)
    assert.equal(view(await session.send(outgoing())), D)
    assert.equal(session.window, 1)
    session.destroy()
    await link.close()
  })

  for (const [what, script] of [
    ['that says the same to all', PLAIN],
    ['with words of its own', OWN_WORDS],
  ] as const) {
    it(`no reply to the first message, from an intake ${what}: it is not delivered`, async () => {
      const silent: Script = [{ on: 'BODY', nth: 1, raw: '' }, ...script]
      const link = await IntakeLink.start({ script: silent, keywords: KEYWORDS })
      const session = await link.session()
      const sent = Promise.all([session.send(outgoing()), session.send(outgoing())])
      await link.server.until('RSET', 2)
      await nextTurn()
      await link.clock.advance(5_000)
      const [first, second] = (await sent).map(view)
      assert.deepEqual([first, second], ['timeout, ended', 'timeout, host, ended'])
      await link.close()
    })
  }

  it('a reply too many from an intake that refuses nothing: nothing is lost', async () => {
    const script: Script = [{ on: 'MAIL', nth: 2, reply: '250 Ok', extra: '250 Ok\r\n' }, ...PLAIN]
    const { results, taken } = await sendFour(script)
    assert.deepEqual(results.slice(0, 3), [D, D, D])
    assert.deepEqual(taken, ['0', '1', '2', '3'])
  })
})

describe('delivery: a connection that ends behind the reply to a message', () => {
  it('in order, with 421: that message is delivered, those behind it had no attempt', async () => {
    const { results } = await sendFour([{ on: 'RSET', nth: 3, reply: '421 4.3.2 Enough' }])
    const behind = 'closed, uncharged, ended'
    assert.deepEqual(results, [D, 'delivered, ended', behind, behind])
  })

  it('with 421 in one piece with the last reply: all are delivered', async () => {
    const extra = '421 4.3.2 Enough\r\n'
    const { results, taken } = await sendFour([{ on: 'RSET', nth: 5, reply: '250 Ok', extra }])
    assert.deepEqual(results, [D, D, D, 'delivered, ended'])
    assert.deepEqual(taken, ['0', '1', '2', '3'])
  })

  for (const then of ['drop', 'reset', 'stall'] as const) {
    for (const [on, first] of [
      ['MAIL', 'MAIL 421, uncharged, ended'],
      ['BODY', 'BODY 421, uncharged, ended'],
    ] as const) {
      it(`421 to ${on}, then ${then}: those behind that message had no attempt`, async () => {
        const { results } = await sendFour([{ on, nth: 3, reply: '421 4.3.2 Enough', then }])
        assert.deepEqual(results, [D, D, first, 'closed, uncharged, ended'])
      })
    }
  }

  it('without a word: that message is delivered', async () => {
    const { results } = await sendFour([{ on: 'RSET', nth: 3, then: 'drop' }])
    assert.deepEqual(results.slice(0, 2), [D, 'delivered, ended'])
  })
})

describe('delivery: a reply that comes before its message was written', () => {
  /** A peer that takes no octet, and says what the test wants. */
  function slowPeer() {
    let take: () => void = () => {}
    const socket = new Duplex({ read() {}, write: (_octets, _encoding, done) => (take = done) })
    const conversation = Conversation.secure(socket as SecureSocket, new FakeClock())
    const wire = new Wire(socket as SecureSocket, conversation, TIMEOUTS)
    return { socket, wire, conversation, take: () => take() }
  }

  it('is not believed', async () => {
    const { socket, wire, conversation } = slowPeer()
    const sending = wire.whole([['MAIL', 'MAIL FROM:<>'], whole('hello\r\n')])
    socket.push('250 Ok\r\n250 Accepted\r\n')
    const [mail, body] = await Promise.all(await sending)
    assert.equal(mail?.kind, 'passed')
    assert.equal(body?.kind, 'lost')
    assert.equal(
      conversation.lost?.kind === 'network' && conversation.lost.reason,
      'the reply came before the end of the message',
    )
  })

  it('is believed when the system took the message just before', async () => {
    const { socket, wire, take } = slowPeer()
    const sending = wire.whole([whole('hello\r\n')])
    socket.push('250 Accepted\r\n')
    take()
    const [body] = await Promise.all(await sending)
    assert.equal(body?.kind, 'passed')
  })

  it('is believed when it is a refusal: an intake need not hear all of a message', async () => {
    const { socket, wire } = slowPeer()
    const sending = wire.whole([whole('hello\r\n')])
    socket.push('552 5.3.4 Too long\r\n')
    const [body] = await Promise.all(await sending)
    assert.equal(body?.kind, 'refused')
  })

  it('is believed while a long message behind it is on its way', async () => {
    const { socket, wire, arrived } = narrowPeer()
    const sending = ['first\r\n', 'second\r\n', 'x'.repeat(200_000)].map((body) =>
      wire.inTurn(() => wire.whole([whole(body)])),
    )
    await arrived('second')
    socket.push('250 Accepted\r\n250 Accepted\r\n')
    const bodies = await Promise.all(sending.slice(0, 2).map(async (steps) => (await steps)[0]))
    assert.deepEqual(
      bodies.map((body) => body?.kind),
      ['passed', 'passed'],
    )
    socket.destroy()
  })

  /** A peer that takes short writes at once, and of a long one, or several together, the beginning. */
  function narrowPeer() {
    let taken = ''
    let told = (): void => {}
    const take = (octets: Buffer, done: () => void): void => {
      taken += octets.subarray(0, 1_000).toString()
      if (octets.length <= 1_000) setImmediate(done)
      told()
    }
    const socket = new Duplex({
      read() {},
      write: (octets: Buffer, _encoding, done) => take(octets, done),
      // As a socket with TLS: what waits goes out in one piece, and is taken all together.
      writev: (parts, done) => take(Buffer.concat(parts.map(({ chunk }) => chunk as Buffer)), done),
    })
    const arrived = (text: string): Promise<void> =>
      new Promise((resolve) => (told = () => taken.includes(text) && resolve()))
    const conversation = Conversation.secure(socket as SecureSocket, new FakeClock())
    return { socket, wire: new Wire(socket as SecureSocket, conversation, TIMEOUTS), arrived }
  }
})
