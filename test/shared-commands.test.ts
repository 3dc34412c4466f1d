import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, EXIT, type Options, Stop } from '../plugins/tdc/cli/command'
import { disableCommand, revertCommand } from '../plugins/tdc/cli/shared-commands'
import { systemClock } from '../plugins/tdc/clock'
import type { ChangeAnswer } from '../plugins/tdc/cluster/shared-settings'
import { socketPath } from '../plugins/tdc/control/control'
import { ControlSocket } from '../plugins/tdc/control/control-socket'
import { ok } from '../plugins/tdc/base/answer'
import type { Request } from '../plugins/tdc/control/requests'
import { makeTempDir, removeTempDir } from './support/temp-dir'

const CHANGE = { number: 1, at: 0, author: 'alice@mx1', reverts: null, values: [] }
const MADE = { change: CHANGE, enabled: true, level: 'cluster', intake: null, warnings: [] }

/** A server for which `mx1` and others go off with a change, until that is agreed to. */
describe('a change that turns off other machines', () => {
  const asked: Request[] = []
  let dir: string
  let socket: ControlSocket

  before(async () => {
    dir = makeTempDir('shared')
    mkdirSync(join(dir, 'config'))
    writeFileSync(join(dir, 'config', 'plugins'), '')
    const machines = Array.from({ length: 23 }, (_, at) => `mx${at}`)
    const answer = (request: Request) => {
      asked.push(request)
      const isAgreed = 'spreads' in request && request.spreads
      const value: ChangeAnswer = isAgreed
        ? { kind: 'made', ...MADE }
        : { kind: 'would-spread', machines }
      return Promise.resolve(ok(value))
    }
    socket = new ControlSocket(socketPath(dir), answer, systemClock)
    await socket.open()
  })

  after(() => {
    socket.close()
    removeTempDir(dir)
  })

  beforeEach(() => (asked.length = 0))

  /** The exit code, and what was asked and printed; `says`: of whoever sits there, if anybody does. */
  async function run(command: Command, says: boolean | undefined, values: Options | object = {}) {
    const [questions, lines]: [string[], string[]] = [[], []]
    const code = await command
      .run({
        directory: () => dir,
        json: false,
        values: { level: 'machine=mx9', yes: false, ...values },
        words: ['7'],
        program: [],
        terminal: {
          print: (more) => void lines.push(...more),
          complain: assert.fail,
          progress: assert.fail,
          repaint: () => assert.fail(),
          agreed(question) {
            questions.push(question)
            return Promise.resolve(says)
          },
        },
      })
      .catch((error: unknown) => {
        assert(error instanceof Stop)
        lines.push(error.message)
        return error.code
      })
    return { code, questions, lines }
  }

  it('is made when whoever was asked says yes', async () => {
    const { code, questions, lines } = await run(disableCommand, true)
    assert.equal(code, EXIT.ok)
    assert.match(
      questions.join(),
      /^that turns off mx0, mx1, .*, mx19 and 3 more too, which inherit/,
    )
    assert.match(lines.join('\n'), /^change 1 /)
    assert.deepEqual(
      asked.map((request) => 'spreads' in request && request.spreads),
      [false, true],
    )
  })

  it('is not made when they say no', async () => {
    const { code, lines } = await run(disableCommand, false)
    assert.deepEqual([code, lines, asked.length], [EXIT.no, ['nothing is changed'], 1])
  })

  it('is not made when nobody can be asked, and says what to say', async () => {
    const { code, lines } = await run(disableCommand, undefined)
    assert.deepEqual([code, asked.length], [EXIT.no, 1])
    assert.match(
      lines.join(),
      /which inherit from a group or the cluster; say --yes if it is meant$/,
    )
  })

  it('is made without a question with --yes; a revert asks as well', async () => {
    const { code, questions } = await run(disableCommand, undefined, { yes: true })
    assert.deepEqual([code, questions, asked.length], [EXIT.ok, [], 1])
    assert.equal((await run(revertCommand, true)).questions.length, 1)
  })
})
