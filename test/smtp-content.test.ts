import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { SendResult } from '../plugins/tdc/smtp/session'
import { IntakeLink, outgoing, TIMEOUTS } from './support/intake-link'

const MEGABYTE = 1_048_576

describe('delivery: the message on the wire', () => {
  it('streams 5 MB from a Readable, byte for byte', async () => {
    const link = await IntakeLink.start({ keepMessages: false })
    const session = await link.session()
    const lines = Array.from({ length: 5 * 16 }, () => randomLines(MEGABYTE / 16))
    const size = lines.reduce((sum, { length }) => sum + length, 0)
    const { outcome } = await session.send(outgoing({ size, content: () => Readable.from(lines) }))
    assert.equal(outcome.kind, 'delivered')
    const [message] = link.server.messages
    assert.equal(message?.size, size)
    assert.equal(message?.sha256, createHash('sha256').update(Buffer.concat(lines)).digest('hex'))
    session.destroy()
    await link.close()
  })

  it('writes a 5 MB Buffer without copying it, byte for byte', async () => {
    const link = await IntakeLink.start({ keepMessages: false })
    const session = await link.session()
    const content = randomLines(5 * MEGABYTE)
    await session.send(outgoing({ size: content.length, content: () => content }))
    const [message] = link.server.messages
    assert.equal(message?.sha256, createHash('sha256').update(content).digest('hex'))
    session.destroy()
    await link.close()
  })

  it('reads no further than the socket takes, and gives up when that stands still', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'CONTENT', then: 'deaf' }] })
    const session = await link.session()
    let read = 0
    const source = Readable.from(
      (function* () {
        for (;;) yield randomLines(((read += MEGABYTE), MEGABYTE))
      })(),
    )
    const sending = session.send(outgoing({ content: () => source }))
    await link.server.until('CONTENT')
    const before = await standsStill(link, () => read)
    assert(before < 64 * MEGABYTE, `${before} octets were read`)
    await link.clock.advance(TIMEOUTS.data)
    assert.deepEqual(failure(await sending), { kind: 'network', details: 'timeout' })
    assert.equal(source.destroyed, true)
    await link.close()
  })

  it('gives up on a source that stands still', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    const source = new Readable({ read: () => undefined })
    source.push('Subject: x\r\n')
    const sending = session.send(outgoing({ content: () => source }))
    await link.server.until('CONTENT')
    await link.clock.advance(TIMEOUTS.data)
    assert.deepEqual(failure(await sending), { kind: 'network', details: 'timeout' })
    assert.equal(source.destroyed, true)
    assert.equal(link.clock.pending, 0)
    await link.close()
  })

  it('each step of progress starts the timer anew', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    const steps = async function* (): AsyncGenerator<Buffer> {
      for (let step = 0; step < 4; step++) {
        await link.clock.advance(TIMEOUTS.data * 0.9)
        yield Buffer.from('line\r\n')
      }
    }
    const content = () => Readable.from(steps())
    const sending = session.send(outgoing({ size: 4 * 'line\r\n'.length, content }))
    assert.equal((await sending).outcome.kind, 'delivered')
    session.destroy()
    await link.close()
  })

  it('waits for the final reply with a timer of its own', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'BODY', then: 'stall' }] })
    const session = await link.session()
    const sending = session.send(outgoing())
    await link.server.until('BODY')
    await link.clock.advance(TIMEOUTS.final - 1)
    assert.deepEqual(link.kinds(), ['connected', 'tls-success', 'delivery-start'])
    await link.clock.advance(1)
    assert.deepEqual(failure(await sending), { kind: 'network', details: 'timeout' })
    await link.close()
  })

  for (const [what, content] of [
    ['a source that fails at once', () => failing()],
    ['a source that fails in between', () => failing('Subject: x\r\n')],
    [
      'a source that cannot be made',
      () => {
        throw Object.assign(new Error('raw text'), { code: 'ENOENT' })
      },
    ],
  ] as const) {
    it(`${what}: no final dot, connection gone`, async () => {
      const link = await IntakeLink.start()
      const session = await link.session()
      const result = await session.send(outgoing({ content }))
      assert.deepEqual(failure(result), { kind: 'network', details: 'error' })
      assert.deepEqual([result.fault, result.reusable], ['copy', false])
      const error = link.events.at(-1)
      assert(error?.kind === 'connection-error')
      assert.equal(error.reason, 'the copy could not be read (ENOENT)')
      await link.server.connections[0]?.wire.closed
      assert.deepEqual(link.server.messages, [])
      await link.close()
    })
  }

  for (const [what, size, octets] of [
    ['shorter', 8, 7],
    ['longer', 6, 7],
  ] as const) {
    it(`a file that is ${what} than it was: no final dot, connection gone`, async () => {
      const link = await IntakeLink.start()
      const session = await link.session()
      // The stuffed dot does not count.
      const content = () => Readable.from(['..line', '\r\n'])
      const result = await session.send(outgoing({ size, content }))
      assert.deepEqual(failure(result), { kind: 'network', details: 'error' })
      const error = link.events.at(-1)
      assert(error?.kind === 'connection-error')
      assert.equal(error.reason, `the copy has ${octets} octets, not ${size}`)
      await link.server.connections[0]?.wire.closed
      assert.deepEqual(link.server.messages, [])
      await link.close()
    })
  }

  it('a no in the middle of the message ends it and the source', async () => {
    const link = await IntakeLink.start({
      script: [{ on: 'CONTENT', after: 10, reply: '552 5.3.4 Too big', then: 'stall' }],
    })
    const session = await link.session()
    const source = new Readable({ read: () => undefined })
    source.push('0123456789\r\n')
    const result = await session.send(outgoing({ content: () => source }))
    assert.deepEqual(failure(result), { kind: 'reply', command: 'BODY' })
    assert.equal(result.reusable, false)
    assert.equal(source.destroyed, true)
    await link.close()
  })

  it('leaves no listener behind on a connection that carries many messages', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const content = randomLines(MEGABYTE / 4)
    for (let count = 0; count < 30; count++) {
      const source = (): Readable => Readable.from([content, content])
      const result = await session.send(outgoing({ size: 2 * content.length, content: source }))
      assert.deepEqual([result.outcome.kind, result.reusable], ['delivered', true])
      assert.equal(link.clock.pending, 0)
    }
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
    assert.equal(link.server.messages.length, 30)
    session.destroy()
    await link.close()
  })
})

/** Lines of base64, so that nothing in them is a line that begins with a dot. */
function randomLines(octets: number): Buffer {
  const text = randomBytes(Math.ceil((octets * 3) / 4)).toString('base64')
  return Buffer.from(text.slice(0, octets - 2).replace(/.{76}/g, (line) => `${line}\r\n`) + '\r\n')
}

function failing(...chunks: string[]): Readable {
  return Readable.from(
    (function* () {
      yield* chunks
      throw Object.assign(new Error('raw text'), { code: 'ENOENT' })
    })(),
  )
}

/** Lets I/O go on until a count no longer grows. */
async function standsStill(link: IntakeLink, count: () => number): Promise<number> {
  let quiet = 0
  for (let before = count(); quiet < 50; before = count()) {
    await link.clock.settle()
    quiet = count() === before ? quiet + 1 : 0
  }
  return count()
}

function failure({ outcome }: SendResult) {
  assert(outcome.kind === 'failed')
  const { kind } = outcome.failure
  if (outcome.failure.kind === 'network') return { kind, details: outcome.failure.details }
  return outcome.failure.kind === 'reply' ? { kind, command: outcome.failure.command } : { kind }
}
