import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Writable } from 'node:stream'
import type { Clock } from '../plugins/tdc/clock'
import { readOriginal } from '../plugins/tdc/haraka/read-original'
import type { MessageStream, Transaction } from '../plugins/tdc/haraka/types'

/** Haraka's own class, which has no types. */
const load = createRequire(require.resolve('haraka/package.json'))
const Stream = load('haraka-message-stream') as new (
  config: object,
  id: string,
  headers: readonly string[],
) => MessageStream & { add_line(line: Buffer): void; add_line_end(done: () => void): void }

const LINES = ['Subject: busy\r\n', '\r\n', 'Body.\r\n']
/** More often than it takes for a moment's overlap. */
const OFTEN = 12

describe('a message that another plugin is reading', () => {
  /** Whoever waits has waited long enough. */
  const clock: Clock = {
    monotonic: () => 0,
    wall: () => 0,
    after(_, then) {
      setImmediate(then)
      return { cancel: () => {} }
    },
  }
  const never = new AbortController().signal

  async function message(): Promise<InstanceType<typeof Stream>> {
    const stream = new Stream({ main: {} }, 'busy', [])
    for (const line of LINES) stream.add_line(Buffer.from(line))
    await new Promise<void>((resolve) => stream.add_line_end(resolve))
    return stream
  }

  it('is read when that is over', async () => {
    const stream = await message()
    let letGo = () => {}
    const write = (_chunk: Buffer, _encoding: string, done: () => void) => void (letGo = done)
    stream.pipe(new Writable({ write, highWaterMark: 1 }), { ending_dot: false })
    let tries = 0
    const pipe: MessageStream['pipe'] = (sink, options) => {
      // The other plugin takes its lines one after the other, as slowly as we ask.
      if (++tries > OFTEN) letGo()
      return stream.pipe(sink, options)
    }
    const transaction = { message_stream: { pipe, unpipe: () => stream.unpipe() } }
    const pieces: Buffer[] = []
    await readOriginal(
      transaction as unknown as Transaction,
      (piece) => void pieces.push(piece),
      never,
      clock,
    )
    assert.equal(Buffer.concat(pieces).toString(), LINES.join(''))
    assert.ok(tries > OFTEN, `${tries} tries`)
  })

  it('is not read after it was given up', async () => {
    const stream = await message()
    stream.pipe(new Writable({ write: () => {}, highWaterMark: 1 }), { ending_dot: false })
    const giveUp = new AbortController()
    const pipe: MessageStream['pipe'] = (sink, options) => {
      giveUp.abort(new Error('too long'))
      return stream.pipe(sink, options)
    }
    const transaction = { message_stream: { pipe, unpipe: () => stream.unpipe() } }
    const read = readOriginal(transaction as unknown as Transaction, () => {}, giveUp.signal, clock)
    await assert.rejects(read, /too long/)
  })
})
