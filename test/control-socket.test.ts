import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../plugins/tdc/clock'
import { type Answer, isAnswer, ok } from '../plugins/tdc/base/answer'
import { OneProcess } from '../plugins/tdc/control/processes'
import { ControlSocket } from '../plugins/tdc/control/control-socket'
import { Control } from '../plugins/tdc/control/control'
import { Gathered } from '../plugins/tdc/control/gathered'
import type { Request } from '../plugins/tdc/control/requests'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { ask, askAll } from './support/ask'
import { Dice } from './support/dice'
import { FakeClock } from './support/fake-clock'
import { run } from './support/run'
import { makeTempDir, removeTempDir } from './support/temp-dir'
import { within } from './support/within'

describe('the control socket', () => {
  let dir: string
  let path: string
  let socket: ControlSocket
  const asked: Request[] = []
  const answer = (request: Request): Promise<Answer> => {
    asked.push(request)
    return Promise.resolve(ok(request.ask))
  }

  beforeEach(() => {
    dir = makeTempDir('control')
    path = join(dir, 'tdc.sock')
    socket = new ControlSocket(path, answer, systemClock)
    asked.length = 0
  })

  afterEach(() => {
    socket.close()
    removeTempDir(dir)
  })

  it('answers requests in their order, one line each, and is for its owner alone', async () => {
    assert.deepEqual(await socket.open(), { kind: 'open' })
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const answers = await askAll(path, { ask: 'status' }, { ask: 'show', mid: 'x' })
    assert.deepEqual(answers, [ok('status'), ok('show')])
    assert.deepEqual(asked, [{ ask: 'status' }, { ask: 'show', mid: 'x' }])
    socket.close()
    assert.equal(existsSync(path), false)
  })

  const BAD: [string, unknown, RegExp][] = [
    ['not an object', 'status', /not an object/],
    ['nothing', null, /not an object/],
    ['an unknown request', { ask: 'shutdown' }, /unknown request, expected one of status, /],
    ['a member that every object has', { ask: 'constructor' }, /unknown request/],
    ['a field of another type', { ask: 'show', mid: 7 }, /show: mid is not a text/],
    [
      'a missing flag',
      { ask: 'explain', from: '', to: 'a@b', becomes: '', ip: '' },
      /relaying is not true or false/,
    ],
    ['a field that is too long', { ask: 'show', mid: 'x'.repeat(1001) }, /longer than 1000/],
  ]
  for (const [what, request, why] of BAD) {
    it(`says what is wrong: ${what}`, async () => {
      await socket.open()
      const [answered] = await askAll(path, request)
      assert(isAnswer(answered) && answered.kind === 'no')
      assert.match(answered.why, why)
      assert.deepEqual(asked, [])
    })
  }

  it('ends a connection whose request has no end', async () => {
    await socket.open()
    const text = await ask(path, Buffer.alloc(17 * 1024, 'x'))
    assert.match(text, /^\{"kind":"no","why":"the request is longer than 16384 octets"\}\n$/)
  })

  it('survives whatever is written to it', async () => {
    await socket.open()
    const dice = Dice.thrown('control requests')
    const tokens = ['{', '}', '"ask"', ':', '"track"', '"wanted"', '\n', ',', '[', 'null', '\u0000']
    for (let i = 0; i < 200; i++) {
      const octets = dice.next() < 0.5 ? dice.octets(200) : dice.list(30, () => dice.pick(tokens))
      const text = await ask(path, Buffer.isBuffer(octets) ? octets : octets.join(''))
      for (const line of text.split('\n').filter(Boolean)) {
        assert(isAnswer(JSON.parse(line)), `${String(octets)} -> ${line}`)
      }
    }
    assert.deepEqual(await askAll(path, { ask: 'status' }), [ok('status')])
  })

  it('replaces the socket of a server that is gone', async () => {
    const dead = new ControlSocket(path, answer, systemClock)
    await dead.open()
    // As after a crash: nobody listens, the file is there.
    const copy = join(dir, 'kept')
    await run('cp', ['-a', path, copy])
    dead.close()
    await run('mv', [copy, path])
    assert.equal(existsSync(path), true)
    assert.deepEqual(await socket.open(), { kind: 'open' })
    assert.deepEqual(await askAll(path, { ask: 'status' }), [ok('status')])
  })

  it('leaves the socket of a server that runs', async () => {
    await socket.open()
    const second = new ControlSocket(path, answer, systemClock)
    assert.deepEqual(await second.open(), { kind: 'taken' })
    second.close()
    assert.deepEqual(await askAll(path, { ask: 'status' }), [ok('status')])
  })

  it('is asked for again while another server has it, with one line', async () => {
    await socket.open()
    const clock = new FakeClock()
    const told: TdcEvent[] = []
    const gathered = new Gathered(new OneProcess(() => ok([])))
    const control = new Control([dir], gathered, clock, (event) => void told.push(event))
    await control.open()
    await clock.advance(1_000)
    await until(() => told.length === 1)
    socket.close()
    assert.equal(existsSync(path), false)
    await clock.advance(10_000)
    await until(() => existsSync(path))
    assert.deepEqual(told, [
      {
        kind: 'warning',
        text: `no control socket ${path}: another Haraka with this directory answers there; haraka-tdc cannot reach this server`,
      },
    ])
    control.close()
  })

  it('is made anew when somebody took it away, with one line', async () => {
    const clock = new FakeClock()
    const told: TdcEvent[] = []
    const gathered = new Gathered(new OneProcess(() => ok([])))
    const control = new Control([dir], gathered, clock, (event) => void told.push(event))
    control.open()
    await until(() => existsSync(path) && clock.pending > 0)
    await clock.advance(10_000)
    await run('rm', [path])
    await clock.advance(10_000)
    await until(() => existsSync(path))
    assert.equal((await askAll(path, { ask: 'recent' })).length, 1)
    assert.deepEqual(told, [
      { kind: 'warning', text: `the control socket ${path} was taken away: made anew` },
    ])
    control.close()
    assert.equal(existsSync(path), false)
  })

  it('takes no socket away that another server has made meanwhile', async () => {
    await socket.open()
    await run('rm', [path])
    const other = await listen(path)
    socket.close()
    assert.equal(existsSync(path), true)
    other.close()
  })

  it('leaves a file of its name, and says so', async () => {
    writeFileSync(path, 'mine')
    const opened = await socket.open()
    assert.deepEqual(opened, { kind: 'failed', why: 'a file of that name is there' })
    assert.equal(existsSync(path), true)
  })

  it('says when its path is too long for a socket, or its folder is missing', async () => {
    const long = join(dir, 'x'.repeat(100), 'tdc.sock')
    const tooLong = await new ControlSocket(long, answer, systemClock).open()
    assert(tooLong.kind === 'failed')
    assert.match(tooLong.why, /^its path has \d+ octets, a socket's can have 95$/)
    const nowhere = join(dir, 'nowhere', 'tdc.sock')
    const missing = await new ControlSocket(nowhere, answer, systemClock).open()
    assert.deepEqual(missing.kind, 'failed')
  })
})

/** Real sockets take their time, whatever the clock of the test says. */
async function until(isSo: () => boolean): Promise<void> {
  const wait = async () => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
  }
  await within(5_000, 'what was waited for', wait())
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(path, () => resolve(server))
  })
}
