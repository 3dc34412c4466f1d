import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import Ajv, { type ValidateFunction } from 'ajv'
import { clusterView, findInCluster } from '../plugins/tdc/cluster/cluster-view'
import { ANY } from '../plugins/tdc/base/sought'
import { SharedLook, type SharedView } from '../plugins/tdc/queue/shared/shared-view'
import { ANSWERS, schemaFile } from './support/answer-schemas'
import { commandsOfProgram, textOf } from './support/documents'
import { FakeClock } from './support/fake-clock'
import { Dice } from './support/dice'
import type { HarakaServer } from './support/haraka'
import { MemoryStore } from './support/memory-store'
import { settingsOf } from './support/settings-source'
import { SharedMachine } from './support/shared-machine'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'
import { statusWith } from './support/status'
import { makeTempDir, removeTempDir } from './support/temp-dir'
import { TestQueue } from './support/queue'

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly [key: string]: unknown
}

const FILE = JSON.parse(textOf('docs/answers.schema.json')) as Schema

/** The file as it is, and one that takes no field which it does not name. */
const [open, closed] = [new Ajv(), new Ajv()]
open.addSchema(FILE, 'answers')
closed.addSchema(closedIn(FILE) as Schema, 'answers')

function closedIn(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closedIn)
  if (typeof schema !== 'object' || schema === null) return schema
  const inside = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, closedIn(v)]))
  const isRecord = inside['type'] === 'object' && 'required' in inside
  return isRecord ? { ...inside, additionalProperties: false } : inside
}

const seen = new Set<string>()

/** What a command printed is what the file says, and nothing more. */
function check(command: string, value: unknown): void {
  seen.add(command)
  for (const ajv of [open, closed]) {
    const path = `answers#/properties/${command.replaceAll(' ', '%20')}`
    const validate = ajv.getSchema(path) as ValidateFunction
    assert.ok(validate(value), `${command}: ${ajv.errorsText(validate.errors)}`)
  }
}

/** Of a Redis in which one process has a copy. */
function sharedView(): Promise<SharedView | null> {
  const path = makeTempDir('shared')
  const { content } = new TestQueue(undefined, path).record('T.1.tdc1')
  removeTempDir(path)
  const reply = (script: string) =>
    script.includes('ZRANGE')
      ? [1_000, Buffer.from('mx1.7.0123456789abcdef'), Buffer.from('900'), 1]
      : [Buffer.from(''), 1, [[content, content.length, Buffer.from('500'), Buffer.from('')]]]
  const look = new SharedLook({
    connect: () =>
      Promise.resolve({
        sendOctets: ([, script]) => Promise.resolve(reply(String(script))),
        close: () => {},
      }),
    settings: () => settingsOf('[queue]\nstore=redis'),
    clock: new FakeClock(),
  })
  return look.view(10)
}

const INTAKE = 'journal@scan.example'
const REFUSES = { on: 'RCPT', nth: 1, reply: '550 5.1.1 Nobody' } as const

describe('what haraka-tdc COMMAND --json prints', function () {
  this.timeout(90_000)
  let stage: Stage
  let server: HarakaServer

  before(async () => {
    stage = await Stage.start({ 'scan.example': { script: (n) => (n <= 3 ? [REFUSES] : []) } })
    const tdc = `[main]
enabled=true
intake_address=${INTAKE}
[policy.DEFAULT]
intake=default
[failed]
keep=true
[delivery]
port=${stage.port}
`
    server = await stage.gateway({ domains: ['example.com'], tdc })
    const raw = Buffer.from('Subject: a mail\r\nMessage-ID: <1@sender.example>\r\n\r\nHi.\r\n')
    await sendMail(server, { from: 'ann@sender.example', to: ['bob@example.com'], raw })
    await server.waitForLine(/kept for a replay$/)
  })

  after(() => stage.close())

  const printed = async (...args: string[]): Promise<unknown> => {
    const { out, err } = await server.tdc(...args, '--json')
    assert.notEqual(out, '', `${args.join(' ')}: ${err}`)
    return JSON.parse(out) as unknown
  }

  it('by a real server is what docs/answers.schema.json says', async () => {
    const { copies } = (await printed('kept')) as { copies: readonly { mid: string }[] }
    const mid = copies[0]?.mid ?? assert.fail('a copy is kept')
    const log = `${server.dir}/empty.log`
    const calls: readonly (readonly [command: string, ...args: string[]])[] = [
      ['status'],
      ['tophosts'],
      ['kept'],
      ['history'],
      ['show', mid],
      ['track', '<1@sender.example>'],
      ['explain', 'ann@sender.example', 'bob@example.com'],
      ['check'],
      ['settings'],
      ['version'],
      ['hold'],
      ['release'],
      ['send-test'],
      ['hold', '--intake', INTAKE],
      ['flush'],
      ['replay', '--all'],
      ['queue'],
      ['show', mid],
      ['status'],
      ['drop', mid],
      ['drop', mid],
      ['explain', '<>', 'ann@other.example', '--relaying'],
    ]
    for (const [command, ...args] of calls) check(command, await printed(command, ...args))
    const settings = await server.tdc('settings')
    assert.match(settings.out, /^\[main\] +intake_address=journal@scan\.example +tdc\.ini$/m)
    assert.doesNotMatch(settings.out, /max_age/)
    assert.match(
      (await server.tdc('settings', 'max_age')).out,
      /^\[delivery\] +max_age=120 +default$/m,
    )
    assert.equal((await server.tdc('settings', 'max_aeg')).code, 1)
    writeFileSync(log, server.log.join('\n'))
    check('track --log', await printed('track', '1@sender.example', '--log', log))
    mkdirSync(`${server.dir}/other`)
    check('adopt', await printed('adopt', `${server.dir}/other`))
    server.writeConfig('tdc.ini', '[main]\nenabeld=true\n')
    check('check', await printed('check'))
  })

  it('of what machines share is that, too', async () => {
    const clock = new FakeClock()
    const store = new MemoryStore()
    const mx1 = new SharedMachine({ name: 'mx1', store, clock, dice: new Dice(1) })
    const set = await mx1.set('main enabled=true', 'machine.mx2 enabled=false')
    assert(set.kind === 'ok')
    for (const name of ['enable', 'disable', 'set', 'unset', 'revert']) check(name, set.value)
    const { revision, entries, changes } = mx1.shared.known
    check('history --settings', { revision, entries, changes, trouble: null })
    const messages = [
      {
        ...{ transaction: 'A.1', at: 1, messageId: '<1@a>', sender: 'a@b', recipientCount: 1 },
        ...{ recipients: ['c@d'], steps: [{ at: 1, kind: 'decided', mid: null, text: 'x' }] },
      },
    ]
    const text = JSON.stringify({ format: 1, status: statusWith(), messages })
    await store.report('mx1', text)
    await store.report('mx2', 'nonsense')
    const stored = await store.reports()
    check('status --cluster', await clusterView(stored))
    const sought = { ask: 'cluster-track', wanted: '', ...ANY, sort: '', most: 9 } as const
    check('track --cluster', await findInCluster(stored, sought))
    check('queue --cluster', await sharedView())
  })

  it('is documented for every command, and was looked at', () => {
    const commands = [...commandsOfProgram().keys()].filter((name) => name !== 'completion')
    assert.deepEqual(
      commands.filter((name) => !ANSWERS.has(name)),
      [],
    )
    assert.deepEqual(
      [...ANSWERS.keys()].filter((name) => !seen.has(name)),
      [],
    )
  })

  it('has its durations as integers, with the unit in the name', () => {
    const names = new Map<string, Schema>()
    const visit = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return
      for (const [name, inside] of Object.entries((schema as Schema).properties ?? {}))
        names.set(name, inside)
      Object.values(schema).forEach(visit)
    }
    visit(schemaFile())
    const durations = [...names].filter(([name]) => /Ms$/.test(name))
    assert.ok(durations.length >= 4)
    for (const [name, { type }] of durations) assert.equal(type, 'integer', name)
    const bare = [...names.keys()].filter((name) =>
      /^(age|duration|wait|delay|timeout|seconds)$|Age$/.test(name),
    )
    assert.deepEqual(bare, [])
  })

  it('is refused where it is something else (control)', () => {
    const validate = closed.getSchema('answers#/properties/drop') as ValidateFunction
    assert.equal(validate({ dropped: true, silent: [] }), true)
    assert.equal(validate({ dropped: 'yes', silent: [] }), false)
    assert.equal(validate({ dropped: true, silent: [], more: 1 }), false)
  })
})
