import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { Outgoing } from '../plugins/tdc/smtp/outgoing'
import type { SendResult } from '../plugins/tdc/smtp/session'
import { Unstuffer } from '../plugins/tdc/base/unstuffer'
import { Dice } from './support/dice'
import type { Script } from './support/fault-script'
import { IntakeLink, outgoing, WINDOW } from './support/intake-link'
import { splitAtRandom, stuff } from './support/journal'

const PIPELINING = ['PIPELINING', 'SIZE 52428800', '8BITMIME']
const CHUNKING = [...PIPELINING, 'CHUNKING']

/** The result of one message in a few words. */
/** A copy's own fault needs no word. */
const BLAMED = { copy: '', connection: 'uncharged', host: 'host', intake: 'intake' }

function view({ outcome, fault, reusable }: SendResult): string {
  const what =
    outcome.kind !== 'failed'
      ? outcome.kind
      : outcome.failure.kind === 'reply'
        ? `${outcome.failure.command} ${outcome.failure.reply.code}`
        : `${outcome.failure.kind} ${outcome.failure.kind === 'network' ? outcome.failure.details : ''}`
  return [what, BLAMED[fault], reusable ? '' : 'ended'].filter(Boolean).join(', ')
}

/** Text that would be commands. */
const evil = (() => {
  const content = Buffer.from('MAIL FROM:<evil@x>\r\nRCPT TO:<v@x>\r\nDATA\r\n')
  return { size: content.length, content: () => content }
})()

const numbered = (n: number) =>
  Array.from({ length: n }, (_, i) =>
    outgoing({ mid: `M.${i}`, body: `Subject: ${i}\r\n\r\n${i}\r\n` }),
  )

async function sendAll(script: Script, messages = numbered(4), keywords = CHUNKING) {
  const link = await IntakeLink.start({ script, keywords })
  const session = await link.session()
  const results = (await Promise.all(messages.map((message) => session.send(message)))).map(view)
  session.destroy()
  await link.close()
  const taken = link.server.messages
    .filter(({ code }) => code === 250)
    .map(({ raw }) => raw.toString().slice(9, 10))
  return { results, taken, lines: link.server.connections[0]?.seen.lines('tls') ?? [], link }
}

describe('delivery: PIPELINING', () => {
  it('sends the commands together, and the message when it is asked for', async () => {
    const { results, lines } = await sendAll([], numbered(1), PIPELINING)
    assert.deepEqual(results, ['delivered'])
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['EHLO', 'MAIL', 'RCPT', 'DATA'],
    )
  })

  const rows: [string, Script, string][] = [
    ['MAIL refused', [{ on: 'MAIL', reply: '450 4.3.0 Later' }], 'MAIL 450, host'],
    ['RCPT refused', [{ on: 'RCPT', reply: '550 5.1.1 No' }], 'RCPT 550'],
    ['DATA refused', [{ on: 'DATA', reply: '451 4.3.0 Later' }], 'DATA 451, host'],
    ['message refused', [{ on: 'BODY', reply: '554 5.7.1 No' }], 'BODY 554'],
  ]
  for (const [what, script, expected] of rows) {
    it(`${what}: ${expected}, and the next message is not hurt`, async () => {
      const link = await IntakeLink.start({
        script: script.map((fault) => ({ ...fault, nth: 1 })),
        keywords: PIPELINING,
      })
      const session = await link.session()
      const results = []
      for (const message of numbered(2)) results.push(view(await session.send(message)))
      assert.deepEqual(results, [expected, 'delivered'])
      session.destroy()
      await link.close()
    })
  }

  it('asked for a message without a recipient, sends an empty one', async () => {
    // A server that says 354 although it refused the recipient.
    const script: Script = [{ on: 'RCPT', raw: '550 5.1.1 No\r\n', nth: 1 }]
    const link = await IntakeLink.start({ script, keywords: PIPELINING, lenient: true })
    const session = await link.session()
    assert.equal(view(await session.send(numbered(1)[0] ?? outgoing())), 'RCPT 550')
    assert.deepEqual(
      link.server.messages.map(({ raw }) => raw.toString()),
      [''],
    )
    session.destroy()
    await link.close()
  })
})

describe('delivery: PIPELINING on a long line', () => {
  /** What the clock of the connector sees of the second EHLO. */
  const ROUND_TRIP = 40

  async function far(script: Script) {
    const slow: Script = [{ on: 'EHLO2', delay: 20 }, ...script]
    const link = await IntakeLink.start({ script: slow, keywords: PIPELINING })
    const open = async () => {
      const times = link.server.connections.length + 1
      const opening = link.session()
      await link.server.until('EHLO2', times)
      await link.clock.advance(ROUND_TRIP)
      return opening
    }
    return { link, open, session: await open() }
  }

  it('two messages may be on their way; near, one', async () => {
    const { link, session } = await far([])
    assert.equal(session.window, 2)
    session.destroy()
    await link.close()
  })

  it('one connection finds out whether that is heard, the others follow it', async () => {
    const { link, session, open } = await far([])
    const other = await open()
    assert.deepEqual([session.window, other.window], [2, 1])
    await Promise.all(numbered(3).map((message) => session.send(message)))
    assert.deepEqual([session.window, other.window], [2, 2])
    session.destroy()
    other.destroy()
    await link.close()
  })

  it('one that ends before that leaves it to another', async () => {
    const { link, session, open } = await far([])
    const other = await open()
    assert.deepEqual([session.window, other.window], [2, 1])
    session.destroy()
    assert.equal(other.window, 2)
    other.destroy()
    await link.close()
  })

  it('one that answers a message and MAIL in the same words is handed one at a time', async () => {
    const { link, session } = await far([
      { on: 'MAIL', reply: '250 OK' },
      { on: 'BODY', reply: '250 OK' },
    ])
    for (const message of numbered(2)) {
      assert.equal(view(await session.send(message)), 'delivered')
      assert.equal(session.window, 1)
    }
    session.destroy()
    await link.close()
  })

  const D = 'delivered'
  const rows: [string, Script, string[], string[]][] = [
    ['nothing refused', [], [D, D, D, D], ['0', '1', '2', '3']],
    [
      'a refused recipient is settled alone',
      [{ on: 'RCPT', nth: 2, reply: '550 5.1.1 No' }],
      [D, 'RCPT 550', D, D],
      ['0', '2', '3'],
    ],
    [
      'a refused message is settled alone',
      [{ on: 'BODY', nth: 2, reply: '554 5.7.1 No' }],
      [D, 'BODY 554', D, D],
      ['0', '2', '3'],
    ],
    [
      '421 to a message: those behind it had no attempt',
      [{ on: 'BODY', nth: 2, reply: '421 4.3.2 Bye' }],
      [
        D,
        'BODY 421, uncharged, ended',
        ...Array<string>(2).fill('network closed, uncharged, ended'),
      ],
      ['0'],
    ],
    [
      'a cut: the message without a reply had its attempt, those behind it had none',
      [{ on: 'BODY', nth: 2, then: 'reset' }],
      [D, 'network reset, ended', ...Array<string>(2).fill('network reset, uncharged, ended')],
      ['0'],
    ],
    [
      'a reply too many: nobody has that of another',
      [
        { on: 'BODY', nth: 1, extra: '250 Ok\r\n' },
        { on: 'BODY', nth: 2, reply: '554 5.7.1 No' },
      ],
      ['delivered, ended', ...Array<string>(3).fill('network protocol, uncharged, ended')],
      ['0'],
    ],
    [
      'no reply to a message: the one to what stands behind it is not taken for it',
      [{ on: 'BODY', nth: 2, raw: '' }],
      [
        D,
        'network protocol, ended',
        ...Array<string>(2).fill('network protocol, uncharged, ended'),
      ],
      ['0'],
    ],
  ]
  for (const [what, script, results, taken] of rows) {
    it(what, async () => {
      const { link, session } = await far(script)
      const sent = await Promise.all(numbered(4).map((message) => session.send(message)))
      assert.deepEqual(sent.map(view), results)
      session.destroy()
      await link.close()
      const bodies = link.server.messages.filter(({ code }) => code === 250)
      assert.deepEqual(
        bodies.map(({ raw }) => raw.toString().slice(9, 10)),
        taken,
      )
    })
  }

  const UNHEARD: [string, Script[number]][] = [
    ['does not hear all that stands behind a message', { on: 'RCPT', nth: 3, reply: '503 5.5.1' }],
    ['hears nothing of it', { on: 'MAIL', nth: 3, then: 'stall' }],
  ]
  for (const [what, fault] of UNHEARD) {
    it(`an intake that ${what} costs no copy an attempt, and gets one at a time`, async () => {
      const { link, session, open } = await far([fault])
      const other = await open()
      assert.deepEqual([session.window, other.window], [2, 1])
      const results = numbered(3).map((message) => session.send(message))
      await Promise.all([...results.slice(0, 2), link.server.until(fault.on, 3)])
      await link.clock.advance(5_000)
      assert.deepEqual((await Promise.all(results)).map(view), [
        D,
        D,
        'network protocol, uncharged, ended',
      ])
      const next = await open()
      assert.deepEqual([other.window, next.window], [1, 1])
      for (const one of [other, next]) one.destroy()
      await link.close()
    })
  }
})

describe('delivery: CHUNKING', () => {
  it('sends a window of messages without waiting; each has its own reply', async () => {
    const { results, taken, lines } = await sendAll([])
    assert.deepEqual(results, ['delivered', 'delivered', 'delivered', 'delivered'])
    assert.deepEqual(taken, ['0', '1', '2', '3'])
    assert.deepEqual(
      lines.slice(8, 12).map((line) => line.split(' ')[0]),
      ['MAIL', 'RCPT', 'BDAT', 'RSET'],
    )
  })

  it('a connection first shows that it reads a refused chunk, and an accepted one', async () => {
    const { lines } = await sendAll([], numbered(1))
    assert.deepEqual(
      lines.slice(1).map((line) => line.replace(/[: ]<.*/, '')),
      ['BDAT 2', 'RSET', 'MAIL FROM', 'RCPT TO', 'BDAT 2', 'BDAT 15 LAST', 'RSET'],
    )
  })

  it('a message alone is not sent before its recipient is accepted', async () => {
    const script: Script = [{ on: 'RCPT', nth: 2, reply: '550 5.1.1 No' }]
    const link = await IntakeLink.start({ script, keywords: CHUNKING })
    const session = await link.session()
    const results = []
    for (const message of numbered(3)) results.push(view(await session.send(message)))
    assert.deepEqual(results, ['delivered', 'RCPT 550', 'delivered'])
    const chunks = link.server.connections[0]?.seen.lines('tls').filter((line) => /BDAT/.test(line))
    assert.deepEqual(chunks, ['BDAT 2', 'BDAT 2', 'BDAT 15 LAST', 'BDAT 17 LAST'])
    session.destroy()
    await link.close()
  })

  it('421 to the refused chunk is an end like any other', async () => {
    const link = await IntakeLink.start({
      keywords: CHUNKING,
      refusedChunk: { reply: '421 4.3.2 Bye', isRead: true },
    })
    const session = await link.session()
    assert.equal(view(await session.send(outgoing())), 'MAIL 421, intake, ended')
    assert.equal((await link.session()).window, WINDOW)
    await link.close()
  })

  it('offers its window to the pool only with CHUNKING', async () => {
    for (const [keywords, window] of [
      [CHUNKING, WINDOW],
      [PIPELINING, 1],
      [['CHUNKING'], 1],
    ] as const) {
      const link = await IntakeLink.start({ keywords: [...keywords] })
      const session = await link.session()
      assert.equal(session.window, window)
      session.destroy()
      await link.close()
    }
  })

  it('the window is a setting', async () => {
    const link = await IntakeLink.start({ keywords: CHUNKING }, { window: 3 })
    const session = await link.session()
    assert.equal(session.window, 3)
    session.destroy()
    await link.close()
  })

  const D = 'delivered'
  const rows: [string, Script, string[], string[]][] = [
    [
      'a refused sender in the middle is settled alone',
      [{ on: 'MAIL', nth: 2, reply: '550 5.7.1 No' }],
      [D, 'MAIL 550', D, D],
      ['0', '2', '3'],
    ],
    [
      'a refused recipient in the middle is settled alone',
      [{ on: 'RCPT', nth: 2, reply: '450 4.2.1 Later' }],
      [D, 'RCPT 450, uncharged', D, D],
      ['0', '2', '3'],
    ],
    [
      'a refused message in the middle is settled alone',
      [{ on: 'BODY', nth: 2, reply: '554 5.7.1 No' }],
      [D, 'BODY 554', D, D],
      ['0', '2', '3'],
    ],
    [
      'the connection dies: every message without a reply is a network error, none is delivered',
      [{ on: 'BODY', nth: 2, then: 'reset' }],
      [D, 'network reset, ended', 'network reset, ended', 'network reset, ended'],
      ['0'],
    ],
    [
      'closed in order: the same',
      [{ on: 'BODY', nth: 2, then: 'drop' }],
      [D, 'network closed, ended', 'network closed, ended', 'network closed, ended'],
      ['0'],
    ],
    [
      '421: the message that met it is not charged, nor are those behind it',
      [{ on: 'MAIL', nth: 2, reply: '421 4.3.2 Bye' }],
      [
        D,
        'MAIL 421, uncharged, ended',
        'network closed, uncharged, ended',
        'network closed, uncharged, ended',
      ],
      ['0'],
    ],
    [
      '503: those behind it have their own replies, then the connection goes',
      [{ on: 'MAIL', nth: 2, reply: '503 5.5.1 What?' }],
      [D, 'MAIL 503, ended', 'delivered, ended', 'delivered, ended'],
      ['0', '2', '3'],
    ],
  ]
  for (const [what, script, results, taken] of rows) {
    it(what, async () => {
      const ran = await sendAll(script)
      assert.deepEqual(ran.results, results)
      assert.deepEqual(ran.taken, taken)
    })
  }

  it('one connection that is lost is one line, however many messages were on it', async () => {
    const { link } = await sendAll([{ on: 'BODY', nth: 1, then: 'reset' }])
    assert.equal(link.kinds().filter((kind) => kind === 'connection-error').length, 1)
  })

  const FIRST_CHUNKS: [string, string][] = [
    ...['500', '502', '501', '503', '504', '551 5.7.1 Null BDAT request', '554'].map(
      (reply): [string, string] => [reply, 'network protocol, uncharged, ended'],
    ),
    ['451 4.3.0 Later', 'BODY 451, host'],
    ['421 4.3.2 Bye', 'BODY 421, intake, ended'],
  ]
  for (const [reply, expected] of FIRST_CHUNKS) {
    it(`${reply} to the first chunk: ${expected}`, async () => {
      const script: Script = [{ on: 'CHUNK', nth: 1, reply }]
      assert.equal((await sendAll(script, numbered(1))).results[0], expected)
    })
  }

  it('an intake that does not know BDAT gets DATA on all other connections', async () => {
    const link = await IntakeLink.start({ bdat: false, keywords: CHUNKING })
    const [first, idle] = [await link.session(), await link.session()]
    const results = await Promise.all(numbered(2).map((message) => first.send(message)))
    assert.deepEqual(results.map(view), [
      'network protocol, uncharged, ended',
      'network protocol, uncharged, ended',
    ])
    for (const [at, session] of [idle, await link.session()].entries()) {
      assert.equal(session.window, 1)
      assert.equal(view(await session.send(numbered(1)[0] ?? outgoing())), 'delivered')
      assert.ok(link.server.connections[at + 1]?.seen.lines('tls').includes('DATA'))
      session.destroy()
    }
    await link.close()
  })

  it('so does one that does not read a chunk that it refuses: no text becomes a command', async () => {
    const link = await IntakeLink.start({
      keywords: CHUNKING,
      refusedChunk: { reply: '502 5.5.1 RCPT first', isRead: false },
    })
    const first = await link.session()
    const messages = numbered(2).map((message) => ({ ...message, ...evil }))
    const results = await Promise.all(messages.map((message) => first.send(message)))
    assert.deepEqual(results.map(view), [
      'network protocol, uncharged, ended',
      'network protocol, uncharged, ended',
    ])
    const second = await link.session()
    assert.equal(view(await second.send(messages[0] ?? outgoing())), 'delivered')
    const [one, two] = link.server.connections.map(({ seen }) => seen.lines('tls'))
    assert.ok(one?.every((line) => !line.includes('evil')))
    assert.ok(two?.includes('DATA'))
    second.destroy()
    await link.close()
  })

  it('also where the recipient is refused, as DATA will show', async () => {
    const script: Script = [{ on: 'RCPT', reply: '550 5.1.1 No' }]
    const link = await IntakeLink.start({ script, bdat: false, keywords: CHUNKING })
    const [message = outgoing()] = numbered(1)
    const results = []
    for (let n = 0; n < 2; n++) results.push(view(await (await link.session()).send(message)))
    assert.deepEqual(results, ['network protocol, uncharged, ended', 'RCPT 550'])
    await link.close()
  })

  it('until a chunk was taken, the next message begins with one as well', async () => {
    const { lines, results } = await sendAll([{ on: 'RCPT', nth: 1, reply: '550 5.1.1 No' }])
    assert.deepEqual(results, ['RCPT 550', 'delivered', 'delivered', 'delivered'])
    const chunks = lines.filter((line) => line.startsWith('BDAT'))
    const whole = 'BDAT 17 LAST'
    assert.deepEqual(chunks, ['BDAT 2', 'BDAT 2', 'BDAT 2', 'BDAT 15 LAST', whole, whole])
  })

  it('lines that begin with dots arrive as they were, in one piece and in many', async () => {
    const original = '.\r\n..\r\n.dot\r\nplain\r\n...\r\n'
    const long = original.repeat(20_000)
    for (const body of [original, long]) {
      const wire = stuff([Buffer.from(body)])
      for (const content of [() => wire, () => Readable.from(splitUp(wire))]) {
        const message = outgoing({ size: body.length, content })
        const { results, link } = await sendAll([], [message])
        assert.deepEqual(results, ['delivered'])
        assert.equal(link.server.messages[0]?.raw.toString(), body)
      }
    }
  })

  it('a long message is announced first: refused, no more than the first chunk is sent', async () => {
    const message = outgoing({ body: 'x\r\n'.repeat(200_000) })
    const script: Script = [{ on: 'RCPT', reply: '550 5.1.1 No' }]
    const { results, lines } = await sendAll(script, [message])
    assert.deepEqual(results, ['RCPT 550'])
    assert.deepEqual(lines.slice(5), ['BDAT 2', 'RSET'])
  })

  it('on a connection that took chunks, not an octet', async () => {
    const long = outgoing({ body: 'x\r\n'.repeat(200_000) })
    const script: Script = [{ on: 'RCPT', nth: 2, reply: '550 5.1.1 No' }]
    const { results, lines } = await sendAll(script, [outgoing(), long])
    assert.deepEqual(results, ['delivered', 'RCPT 550'])
    assert.deepEqual(lines.slice(-2), [lines[4], 'RSET'])
  })

  const BEHIND_ONE: readonly [string, Script[number], string][] = [
    ['421 to RCPT', { on: 'RCPT', reply: '421 4.3.2 Bye' }, 'RCPT 421, uncharged, ended'],
    ['a close before it', { on: 'MAIL', then: 'drop' }, 'network closed, uncharged, ended'],
    ['502 to RCPT, which is no reply to BDAT', { on: 'RCPT', reply: '502 5.5.1 No' }, 'RCPT 502'],
  ]
  for (const [what, fault, expected] of BEHIND_ONE) {
    it(`a long message on a used connection: ${what}: ${expected}`, async () => {
      const link = await IntakeLink.start({ script: [{ ...fault, nth: 2 }], keywords: CHUNKING })
      const session = await link.session()
      await session.send(outgoing())
      const message = outgoing({ body: 'x\r\n'.repeat(200_000) })
      assert.equal(view(await session.send(message)), expected)
      session.destroy()
      await link.close()
    })
  }

  it('copies are opened one after the other, not a window at a time', async () => {
    let [open, most] = [0, 0]
    const messages = numbered(4).map((message) => ({
      ...message,
      content: () => {
        most = Math.max(most, ++open)
        return Readable.from([message.content() as Buffer]).on('close', () => open--)
      },
    }))
    assert.deepEqual((await sendAll([], messages)).results, [
      'delivered',
      'delivered',
      'delivered',
      'delivered',
    ])
    assert.equal(most, 1)
  })

  it('cut off: what was written had its attempt, for the intake may have it', async () => {
    const script: Script = [{ on: 'BODY', nth: 2, then: 'stall' }]
    const link = await IntakeLink.start({ script, keywords: CHUNKING })
    const session = await link.session()
    const [taken, written, waits] = numbered(3) as [Outgoing, Outgoing, Outgoing]
    assert.equal(view(await session.send(taken)), 'delivered')
    let read = (): void => {}
    const content = () =>
      new Promise<Buffer>((resolve) => (read = () => resolve(waits.content() as Buffer)))
    const results = [session.send(written), session.send({ ...waits, content })]
    await link.server.until('BODY', 2)
    session.destroy()
    read()
    assert.deepEqual((await Promise.all(results)).map(view), [
      'aborted, ended',
      'aborted, uncharged, ended',
    ])
    await link.close()
  })

  it('a reply that comes before the end of the file was seen is no early one', async () => {
    const body = 'x\r\n'.repeat(100_000)
    const content = () => {
      const source = new Readable({ read() {} })
      source.push(body)
      return source
    }
    const link = await IntakeLink.start({ keywords: CHUNKING })
    const session = await link.session()
    const result = await session.send(outgoing({ size: body.length, content }))
    assert.equal(view(result), 'delivered')
    session.destroy()
    await link.close()
  })

  it('a file with fewer octets than it should have completes no message', async () => {
    const content = () => Readable.from([Buffer.from('Subject: x\r\n\r\n')])
    const { results, taken } = await sendAll([], [outgoing({ size: 1_000, content })])
    assert.deepEqual(results, ['network error, ended'])
    assert.deepEqual(taken, [])
  })
})

describe('delivery: unstuffing', () => {
  it('gives back what was stuffed, however it is split (fuzz)', () => {
    const dice = Dice.thrown('unstuffing')
    for (let round = 0; round < 2_000; round++) {
      const lines = dice.list(12, () => dice.pick(['', '.', '..', '.x', 'x', 'x.', '\r', '.\r']))
      const content = Buffer.from(lines.map((line) => `${line}\r\n`).join(''))
      const unstuffer = new Unstuffer()
      const out = splitAtRandom(stuff([content]), dice).map((chunk) => unstuffer.push(chunk))
      assert.equal(Buffer.concat(out).toString(), content.toString())
    }
  })
})

function splitUp(wire: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < wire.length; at += 1_001) pieces.push(wire.subarray(at, at + 1_001))
  return pieces
}
