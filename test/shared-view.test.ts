import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Stop } from '../plugins/tdc/cli/command'
import { showCommand } from '../plugins/tdc/cli/message-commands'
import { dropCommand, holdCommand, queueCommand } from '../plugins/tdc/cli/queued-commands'
import { systemClock } from '../plugins/tdc/clock'
import { socketPath } from '../plugins/tdc/control/control'
import { ControlSocket } from '../plugins/tdc/control/control-socket'
import { Gathered } from '../plugins/tdc/control/gathered'
import type { Parts } from '../plugins/tdc/control/asking'
import { OneProcess } from '../plugins/tdc/control/processes'
import { type AnswerHere, answersOf } from '../plugins/tdc/control/requests'
import { SILENT } from '../plugins/tdc/queue/shared/orphans'
import type { SharedFound, SharedView } from '../plugins/tdc/queue/shared/shared-view'
import { RedisServer, whatIsMissing } from './cluster/redis-server'
import { pass, SharedProcess } from './support/shared-process'
import { makeTempDir, removeTempDir } from './support/temp-dir'

/** As `parseArgs` gives what was not given. */
const NOTHING = {
  intake: '',
  sender: '',
  recipient: '',
  since: '',
  sort: '',
  most: '',
  cluster: false,
}

describe('the view of the queue that machines share', function () {
  this.timeout(30_000)
  let redis: RedisServer
  let processes: SharedProcess[] = []
  let dir: string
  let socket: ControlSocket
  /** The server that the commands ask. */
  let asked: SharedProcess

  before(async function () {
    const missing = whatIsMissing()
    if (missing !== undefined) {
      console.log(`      ${missing}`)
      return this.skip()
    }
    redis = await RedisServer.start()
    dir = makeTempDir('view')
    mkdirSync(join(dir, 'config'))
    writeFileSync(join(dir, 'config', 'plugins'), '')
    const gathered = new Gathered(new OneProcess(answer))
    socket = new ControlSocket(socketPath(dir), (request) => gathered.answer(request), systemClock)
    await socket.open()
  })
  beforeEach(async () => {
    await redis.command('FLUSHALL')
  })
  afterEach(() => {
    redis.go()
    for (const each of processes) each.close()
    processes = []
  })
  after(() => {
    socket?.close()
    removeTempDir(dir)
    return redis?.close()
  })

  async function started(machine: string): Promise<SharedProcess> {
    const made = new SharedProcess(redis.sections, machine)
    processes.push(made)
    return made.start()
  }

  /** As far as the commands ask. */
  const answer: AnswerHere = (request) => {
    const { look: sharedLook, queue } = asked
    const kept = { find: () => Promise.resolve(undefined) }
    const tracking = { find: () => Promise.resolve([]), envelopeOf: () => undefined }
    const own = { commands: queue.commands, kept, sharedLook }
    return answersOf({ clock: queue.clock, queue: own, monitor: { tracking } } as unknown as Parts)(
      request,
    )
  }

  /** The exit code, and what was printed. */
  async function run(command: unknown, words: readonly string[] = [], values = {}, json = false) {
    const lines: string[] = []
    const none = { ...NOTHING, ...values }
    const code = await (command as Command)
      .run({
        ...{ directory: () => dir, json, values: none, words, program: [] },
        terminal: {
          print: (more) => void lines.push(...more),
          complain: assert.fail,
          progress: assert.fail,
          repaint: () => assert.fail(),
          agreed: () => assert.fail(),
        },
      })
      .catch((error: unknown) => {
        assert(error instanceof Stop, String(error))
        lines.push(error.message)
        return error.code
      })
    return { code, lines, text: lines.join('\n') }
  }

  const queue = (values = {}) => run(queueCommand, [], { cluster: true, ...values })
  const seen = async (values = {}): Promise<SharedView> => {
    const { text } = await run(queueCommand, [], { cluster: true, ...values }, true)
    return JSON.parse(text) as SharedView
  }
  const named = (view: SharedView) =>
    view.copies.map(({ mid, machine, state, attempts }) => [mid, machine, state, attempts])

  it('has the copies of all machines, with whose each is, its age and its failed attempts', async () => {
    const [one, two] = [await started('mx1'), await started('mx2.example.org')]
    asked = two
    await one.add('theirs')
    const own = await two.add('own')
    one.store.note(own.stored?.copy ?? { name: '' }, 2)
    const view = await seen()
    assert.deepEqual(named(view), [
      ['theirs', 'mx1', 'elsewhere', 0],
      ['own', 'mx2.example.org', 'active', 2],
    ])
    assert.equal(view.count, 2)
    const [first] = view.copies
    assert.deepEqual([first?.intake, first?.size], ['intake@scan.example', 100])
    assert.ok(view.copies.every(({ ageMs, pid }) => ageMs < 10_000 && pid === process.pid))
    const { code, text } = await queue()
    assert.equal(code, 0)
    assert.match(text, /^mx1 +\d+ +[\d.]+ s ago +1$/m)
    assert.match(
      text,
      /^own +mx2\.example\.org +\d+ +intake@scan\.example +active +[\d.]+ s +2 +100$/m,
    )
  })

  it('says whose copies are about to be taken over, and what is told of one', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    asked = two
    await one.add('theirs')
    await one.add('theirs.2')
    const { text } = await run(showCommand, ['theirs'])
    assert.match(
      text,
      /^nothing is known of "theirs"\ntheirs is in the shared queue, [\d.]+ s old, 0 failed attempts, with process \d+ of mx1: ask haraka-tdc there$/,
    )
    const { code, lines } = await run(dropCommand, ['theirs'])
    assert.equal(code, 1)
    assert.match(lines.join('\n'), /^no copy "theirs" .*\ntheirs is in .*: ask haraka-tdc there$/)
    const { lines: held } = await run(holdCommand)
    assert.deepEqual(held, [
      '0 copies held',
      '2 copies of other machines go on: each machine holds its own',
    ])
    const [, report] = (
      await redis.command('ZRANGE', 'tdc:queue:owners', '0', '0', 'WITHSCORES')
    ).split('\n')
    const old = String(Number(report) - SILENT - 1_000)
    await redis.command('ZADD', 'tdc:queue:owners', old, ownerOf(one))
    assert.deepEqual(
      named(await seen()).map(([, , state]) => state),
      ['orphaned', 'orphaned'],
    )
    assert.match((await queue()).text, /^mx1 +\d+ +SILENT for 1\d s +2$/m)
    assert.match(
      (await run(showCommand, ['theirs.2'])).text,
      /which reports no more: another machine takes it over$/,
    )
    assert.deepEqual((await run(showCommand, ['thei'])).lines, ['nothing is known of "thei"'])
  })

  const ownerOf = ({ store }: SharedProcess) =>
    (store as unknown as { owner: { name: string } }).owner.name

  it('is bounded: of each process those that came first, never a message, and nothing is changed', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    asked = two
    const padding = Buffer.alloc(200_000)
    const { signal } = new AbortController()
    for (let at = 0; at < 60; at++) {
      const { name, content } = one.queue.record(`T.${at}`)
      // What follows the head is another message than it says: it is no copy of ours, and looked at all the same.
      const long = at % 20 === 19 ? Buffer.concat([content, padding]) : content
      await one.store.append({ name, content: long }, signal)
    }
    await two.add('few')
    const before = await redis.command('XLEN', `tdc:queue:${ownerOf(one)}`)
    const answers: number[] = []
    two.heard = (reply) => answers.push(octetsIn(reply))
    const view = await seen({ most: '10' })
    assert.equal(view.count, 61)
    const mids = view.copies.map(({ mid }) => mid).sort()
    assert.deepEqual(mids, [...Array.from({ length: 9 }, (_, at) => `T.${at}`), 'few'].sort())
    assert.match(
      (await queue({ most: '10' })).text,
      /^10 of 61 copies, .*; --most NUMBER shows more$/m,
    )
    assert.equal(named(await seen()).length, 58)
    assert.ok(Math.max(...answers) < 100_000, `${Math.max(...answers)} octets in one answer`)
    assert.equal(await redis.command('XLEN', `tdc:queue:${ownerOf(one)}`), before)
    const { copy } = await two.look.find('T.58')
    assert.equal(copy?.mid, 'T.58')
    assert.deepEqual(await two.look.find('T.99'), {
      copy: null,
      isWhole: true,
    } satisfies SharedFound)
  })

  function octetsIn(reply: unknown): number {
    if (Array.isArray(reply)) return reply.reduce((sum: number, each) => sum + octetsIn(each), 0)
    return Buffer.isBuffer(reply) ? reply.length : 8
  }

  it('what somebody else wrote there is passed over', async () => {
    asked = await started('mx1')
    await asked.add('good')
    await redis.command(
      'ZADD',
      'tdc:queue:owners',
      '1',
      'another',
      '2',
      'x'.repeat(500),
      '3',
      'a text',
    )
    await redis.command('XADD', 'tdc:queue:another', '*', 'n', 'x', 'c', 'no head', 't', '1')
    await redis.command('SET', 'tdc:queue:a text', 'x')
    const view = await seen()
    assert.deepEqual(named(view), [['good', 'mx1', 'active', 0]])
    assert.deepEqual(
      view.processes.map(({ machine, pid, copies }) => [machine, pid, copies]),
      [
        ['another', 0, 1],
        ['a text', 0, 0],
        ['mx1', process.pid, 1],
      ],
    )
    assert.match((await queue()).text, /^another +0 +SILENT for \d+ d .* 1$/m)
    await redis.command('SET', 'tdc:queue:owners', 'x')
    assert.deepEqual((await queue()).lines.at(-1), 'the shared queue is empty')
  })

  it('Redis away, or one that answers nobody: one sentence, and exit code 1', async () => {
    asked = await started('mx1')
    await asked.add('waiting')
    redis.pause()
    const paused = await queue()
    assert.deepEqual(paused, {
      ...{ code: 1, lines: ['Redis cannot be reached (no answer in 3 seconds)'] },
      text: 'Redis cannot be reached (no answer in 3 seconds)',
    })
    redis.go()
    await redis.kill9()
    const { code, lines } = await queue()
    assert.deepEqual([code, lines.length], [1, 1])
    assert.match(String(lines[0]), /^Redis cannot be reached \(.*ECONNREFUSED.*\)$/)
    const { lines: shown } = await run(showCommand, ['x'])
    assert.match(String(shown[1]), /^whether another machine has it is not known: Redis cannot/)
    await redis.start()
  })

  it('without store=redis: what makes it, and show says nothing of other machines', async () => {
    asked = await started('mx1')
    asked.kind = 'local'
    assert.deepEqual((await queue()).lines, [
      'this server shares no queue: store=redis in [queue] of config/tdc.ini makes it',
    ])
    assert.deepEqual((await run(showCommand, ['x'])).lines, ['nothing is known of "x"'])
    assert.deepEqual((await run(holdCommand)).lines, ['0 copies held'])
  })

  it('what else can be asked of a queue cannot be asked of all machines, and that is said', async () => {
    const { code, lines } = await queue({ sender: 'ann@sender.example' })
    assert.deepEqual([code, lines], [2, ['--sender cannot be had with --cluster']])
  })

  it('takes no copy from anybody, however long it looks', async () => {
    const [one, two] = [await started('mx1'), await started('mx2')]
    asked = two
    await one.add('theirs')
    for (let looks = 0; looks < 10; looks++) {
      await pass(processes, 3_000)
      await seen()
    }
    assert.deepEqual([one.sending, two.sending], [['theirs'], []])
  })
})
