import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { chunked } from '../plugins/tdc/smtp/chunked'
import { Conversation } from '../plugins/tdc/smtp/conversation'
import type { SecureSocket } from '../plugins/tdc/smtp/tls'
import type { Transmission, Transmit } from '../plugins/tdc/smtp/transmission'
import { transmitFor } from '../plugins/tdc/smtp/transmit'
import { WindowMemory } from '../plugins/tdc/smtp/window-memory'
import { Wire } from '../plugins/tdc/smtp/wire'
import { FakeClock } from './support/fake-clock'
import { outgoing, TIMEOUTS } from './support/intake-link'

const REPLIES: readonly [RegExp, string][] = [
  [/^MAIL/, '250 2.1.0 Ok'],
  [/^RCPT/, '250 2.1.5 Ok'],
  [/^DATA/, '354 Go ahead'],
  [/^(\.$|BDAT \d+ LAST)/, '250 2.0.0 Taken'],
  [/^BDAT/, '250 2.0.0 Read'],
  // Right behind the octets of a chunk.
  [/RSET$/, '250 2.0.0 Reset'],
]

/** An intake's socket whose system takes writes until `fails` says that the peer is gone. */
class Peer extends Duplex {
  private isFirstChunk = true

  constructor(private readonly fails: (written: string) => 'write' | 'read' | undefined) {
    super()
  }

  override _read(): void {}

  override _write(octets: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const text = octets.toString()
    const syscall = this.fails(text)
    if (syscall === 'read') {
      done()
      this.destroy(Object.assign(new Error(), { code: 'ECONNRESET', syscall }))
      return
    }
    if (syscall === 'write') return done(Object.assign(new Error(), { code: 'EPIPE', syscall }))
    for (const line of text.split('\r\n')) {
      const [, reply] = REPLIES.find(([command]) => command.test(line)) ?? []
      // The first chunk of all is the one without a recipient.
      const isMistake = line === 'BDAT 2' && this.isFirstChunk
      if (isMistake) this.isFirstChunk = false
      if (reply !== undefined) this.push(`${isMistake ? '503 5.5.1 No recipient' : reply}\r\n`)
    }
    done()
  }
}

const MESSAGE = 'Subject: the second one'
const CAPABILITIES = { starttls: false, eightBitMime: true, smtputf8: true, chunking: false }

describe('delivery: what was never written', () => {
  const clock = new FakeClock()
  const byData = (pipelining: boolean): Transmit =>
    transmitFor(
      { ...CAPABILITIES, pipelining },
      { windows: new WindowMemory(clock), window: 8, isFar: false },
    )
  const WAYS: readonly [string, () => Transmit][] = [
    ['one command after the other', () => byData(false)],
    ['PIPELINING', () => byData(true)],
    ['CHUNKING', () => chunked(8)],
  ]

  /** The first message is taken; the peer is gone when the second one is written. */
  async function second(way: Transmit, syscall: 'write' | 'read'): Promise<Transmission> {
    const socket = new Peer((text) => (text.includes(MESSAGE) ? syscall : undefined))
    const conversation = Conversation.secure(socket as unknown as SecureSocket, clock)
    const wire = new Wire(socket as unknown as SecureSocket, conversation, TIMEOUTS)
    const send = (body: string): Promise<Transmission> =>
      way.send(
        wire,
        { kind: 'commands', mail: 'MAIL FROM:<>', rcpt: 'RCPT TO:<a@b>' },
        outgoing({ body }),
      )
    assert.equal((await send('Subject: the first one\r\n\r\n')).kind, 'accepted')
    return send(`${MESSAGE}\r\n\r\n`)
  }

  for (const [name, way] of WAYS) {
    it(`${name}: a message that the system did not take cannot be there, and is not charged`, async () => {
      const ended = await second(way(), 'write')
      assert.deepEqual([ended.kind, 'begun' in ended && ended.begun], ['lost', false])
    })

    it(`${name}: one that was written before the connection broke may be there`, async () => {
      const ended = await second(way(), 'read')
      assert.deepEqual([ended.kind, 'begun' in ended && ended.begun], ['lost', true])
    })
  }
})
