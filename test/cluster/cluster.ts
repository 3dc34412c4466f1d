/**
 * `npm run cluster`: three real Haraka servers that share a real redis-server. Changes spread,
 * counters add up to what came out, and whatever happens to Redis, no mail is late and no copy is
 * lost or sent twice; one server is killed.
 */
import type { ChangeAnswer } from '../../plugins/tdc/cluster/shared-settings'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MailPath } from '../support/mail-path'
import { within } from '../support/within'
import { delaysOf, delaysText, Spans } from './figures'
import { Ledgers } from './ledgers'
import { type Machine, startMachines } from './machines'
import { RedisServer, whatIsMissing } from './redis-server'
import { queueOutlives } from './shared-queue'
import { Traffic } from './traffic'
import { TROUBLES } from './troubles'

/** `--kills N`: rounds alone, until so many machines and primaries were killed; else how many rounds before the rest. */
const [WORD = '2', COUNT] = process.argv.slice(2)
const IS_LONG = WORD === '--kills'
const ROUNDS = IS_LONG ? Math.ceil(Number(COUNT) / 2) : Number(WORD)
const WHOLE_DEADLINE = 240_000 + ROUNDS * 120_000
/** Milliseconds in which a change is in force on all machines: that is promised. */
const SPREAD_TIME = 2_000
/** Milliseconds for everything that has no promise of its own. */
const PATIENCE = 30_000
const QUIET = 2_000
/** How much slower mail may be while Redis is in trouble: the same machine is never twice the same. */
const SLOWER = { median: 2, p95: 3 }
/** Copies that were accepted so long before a kill are certainly noted as delivered, in milliseconds. */
const NOTED = 3_000

const violations: string[] = []

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function demand(holds: boolean, what: string): void {
  if (holds) return
  violations.push(what)
  say(`VIOLATION ${what}`)
}

/** Looks until it is true; the milliseconds that took, or the last state and that it is a violation. */
async function until(
  what: string,
  milliseconds: number,
  look: () => Promise<string | undefined>,
): Promise<number> {
  const began = performance.now()
  for (;;) {
    const state = await look().catch((error: Error) => error.message)
    const took = performance.now() - began
    if (state === undefined) return took
    if (took > milliseconds) {
      demand(false, `${what}: not within ${milliseconds} ms: ${state}`)
      return took
    }
    await sleep(50)
  }
}

/** Undefined as soon as each machine is so. */
async function effective(
  machines: readonly Machine[],
  wanted: readonly string[],
): Promise<string | undefined> {
  const found = await Promise.all(machines.map((machine) => machine.effective()))
  return found.every((each, at) => each === wanted[at]) ? undefined : found.join('; ')
}

const SHARED = '(shared settings)'
const ALL_ON = Array<string>(3).fill(`on, cluster ${SHARED}`)

async function changesSpread(machines: readonly [Machine, Machine, Machine]): Promise<void> {
  const [mx1, mx2, mx3] = machines
  const off2 = `off, disabled by machine=mx2 ${SHARED}`
  const steps: readonly (readonly [what: string, () => Promise<unknown>, readonly string[]])[] = [
    ['on for the cluster', () => mx1.set('cluster', 'enabled=true'), ALL_ON],
    [
      'off for mx2, by mx3',
      () => mx3.set('machine=mx2', 'enabled=false'),
      [off2, `off, machine=mx2 ${SHARED}`, off2],
    ],
    [
      'on for mx1, by mx2',
      () => mx2.set('machine=mx1', 'enabled=true'),
      [`on, machine=mx1 ${SHARED}`, `off, machine=mx2 ${SHARED}`, off2],
    ],
    [
      'that mx2 is off taken back, by the command line on mx1',
      async () => {
        const { code, out, err } = await mx1.server.tdc('revert', '2')
        if (code !== 0) throw new Error(out + err)
      },
      [`on, machine=mx1 ${SHARED}`, ...ALL_ON.slice(1)],
    ],
    [
      'a group of mx2 and mx3 off',
      () => mx3.set('group=edge', 'machines=mx2,mx3', 'enabled=false'),
      [`on, machine=mx1 ${SHARED}`, `off, group=edge ${SHARED}`, `off, group=edge ${SHARED}`],
    ],
    [
      'all for the cluster again',
      async () => {
        await mx2.unset('group=edge', 'machines', 'enabled')
        await mx2.unset('machine=mx1', 'enabled')
      },
      ALL_ON,
    ],
  ]
  const times: number[] = []
  for (const [what, change, wanted] of steps) {
    await change()
    times.push(await until(what, SPREAD_TIME, () => effective(machines, wanted)))
  }
  const all = `${times.map((ms) => Math.round(ms)).join(', ')} ms`
  say(`changes: ${steps.length}, each in force on three machines after ${all}`)
  const { changes } = await mx2.history()
  const authors = changes.map(({ author }) => author.replace(/^.*@/, '')).join(' ')
  const { warnings } = made(await mx1.set('machine=mx2', 'intake_address='))
  demand(warnings.length === 0, `a machine that is there: ${warnings.join()}`)
  const doubt = made(await mx1.set('machine=mx22', 'enabled=true'))
  demand(/no machine has reported as mx22/.test(doubt.warnings.join()), 'a misspelt machine')
  await mx1.unset('machine=mx22', 'enabled')
  demand(authors === 'mx1 mx3 mx2 mx1 mx3 mx2 mx2', `history: changes by ${authors}`)
}

async function troubles(
  redis: RedisServer,
  machines: readonly [Machine, Machine, Machine],
  traffic: Traffic,
): Promise<void> {
  const [quiet, troubled] = [new Spans(), new Spans()]
  const agreed = async () => {
    const all = await Promise.all(machines.map((machine) => machine.history()))
    const states = all.map(({ revision, trouble }) => `${revision} ${trouble}`)
    const head = (await redis.command('GET', 'tdc:settings')).slice(0, 100)
    const isBack = head.includes(`"revision":${all[0]?.revision},`)
    const isWell = all.every(({ trouble }) => trouble === null)
    return isWell && isBack ? undefined : `${states.join('; ')}; ${head}`
  }
  for (const { name, lasts, begin, end } of TROUBLES) {
    quiet.begin()
    await sleep(QUIET)
    quiet.end()
    const lines = machines.map(({ server }) => server.lines.size)
    troubled.begin()
    await begin(redis)
    await sleep(lasts)
    const state = await effective(machines, ALL_ON)
    demand(state === undefined, `${name}: the last good settings are not in force: ${state}`)
    await end(redis)
    troubled.end()
    const took = await until(`${name}: over`, PATIENCE, agreed)
    const told = machines.map(({ server }, at) =>
      sharedLines(server.lines.entries.slice(lines[at])),
    )
    demand(
      told.every(isBrief),
      `${name}: more than one line when it begins and one when it ends:\n${told.flat().join('\n')}`,
    )
    say(`Redis ${name}: settings stayed, in step again after ${Math.round(took)} ms`)
  }
  const [well, ill] = [quiet, troubled].map((spans) => delaysOf(traffic.sent.filter(spans.has)))
  if (!well || !ill) throw new Error('no delays')
  say(`without trouble: ${delaysText(well)}`)
  say(`with trouble:    ${delaysText(ill)}`)
  for (const figure of ['median', 'p95'] as const) {
    const ratio = ill[figure] / well[figure]
    say(`  ${figure}: ${ratio.toFixed(2)} times, at most ${SLOWER[figure]}`)
    demand(ratio <= SLOWER[figure], `mail is late while Redis is in trouble: ${figure}`)
  }
}

function sharedLines(log: readonly string[]): string[] {
  return log.filter((line) => line.includes('TDC: Shared settings'))
}

/** Who writes the settings back has a line for that between the two. */
function isBrief(lines: readonly string[]): boolean {
  const other = lines.filter((line) => !line.includes('is written back'))
  return other.length <= 2 && lines.length - other.length <= 1
}

async function countersAddUp(path: MailPath, machines: readonly Machine[]): Promise<void> {
  for (const { name, ask } of machines.map((each) => ({ name: each.name, ask: each }))) {
    await until(`counters as ${name} sees them`, PATIENCE, async () => {
      const { total, machines: seen } = await ask.view()
      const { delivered = 0, active = 0 } = total?.queue ?? {}
      const isAll = delivered === path.intake.copies.size && active === 0 && seen.length === 3
      return isAll ? undefined : `${delivered} of ${path.intake.copies.size}, ${active} active`
    })
  }
  say(`counters: ${path.intake.copies.size} copies, the same from each machine`)
}

/** One is killed under load, missed, found in what it told before, and comes back. */
async function oneIsKilled(
  [mx1, mx2, mx3]: readonly [Machine, Machine, Machine],
  traffic: Traffic,
): Promise<{ readonly killedAt: number }> {
  traffic.start([mx1, mx2, mx3])
  await sleep(QUIET)
  const killedAt = performance.now()
  await mx2.server.kill9()
  const took = await until('mx2 is shown as silent', PATIENCE, async () => {
    const view = await mx1.view()
    const seen = view.machines.find(({ machine }) => machine === 'mx2')
    return seen?.isSilent && seen.at < view.takenAt ? undefined : JSON.stringify(seen?.at)
  })
  await traffic.stop()
  const text = (await mx3.server.tdc('status', '--cluster')).out
  demand(/^mx2 +SILENT since \d{4}-/m.test(text), `status --cluster does not say it: ${text}`)
  const mail = traffic.sent.find(({ machine, told }) => machine === 'mx2' && told === 'accepted')
  const recent = traffic.sent.filter(
    ({ machine, at }) => machine === 'mx2' && at < killedAt - NOTED,
  )
  const known = recent.at(-1) ?? mail
  const { messages } = await mx1.find(known?.messageId ?? '')
  demand(messages[0]?.machine === 'mx2', `${known?.messageId} of mx2 is not found from mx1`)
  say(`mx2 killed: shown as silent after ${Math.round(took / 1000)} s, its mail still found`)
  await mx2.server.start()
  await until('mx2 is back', PATIENCE, async () => {
    const { machines } = await mx3.view()
    return machines.every(({ isSilent }) => !isSilent) ? undefined : 'silent'
  })
  demand(
    (await effective([mx2], ALL_ON)) === undefined,
    'mx2 came back without the shared settings',
  )
  return { killedAt }
}

async function main(): Promise<boolean> {
  const began = performance.now()
  await queueOutlives(ROUNDS, IS_LONG, { say, demand, until })
  if (!IS_LONG) await settingsShared()
  const seconds = Math.round((performance.now() - began) / 1000)
  say(`${violations.length} violations, ${seconds} s`)
  return violations.length === 0
}

async function settingsShared(): Promise<void> {
  const redis = await RedisServer.start()
  const { path, machines } = await startMachines(redis)
  const [traffic, ledgers] = [new Traffic(), new Ledgers(path)]
  try {
    await changesSpread(machines)
    traffic.start(machines)
    await troubles(redis, machines, traffic)
    await traffic.stop()
    await countersAddUp(path, machines)
    const { killedAt } = await oneIsKilled(machines, traffic)
    const isInFlight = ({ machine, at }: { machine: string; at: number }) =>
      machine === 'mx2' && at > killedAt - NOTED && at < killedAt
    const complete = async () => {
      const { violations } = ledgers.compare(traffic.sent, isInFlight)
      return violations.length === 0 ? undefined : violations.join('; ')
    }
    await until('the ledgers', PATIENCE, complete)
    const { accepted, copies, twice } = ledgers.compare(traffic.sent, isInFlight)
    say(
      `ledgers: ${accepted} mails accepted, ${copies} copies, ${twice} of the killed machine twice`,
    )
  } finally {
    await Promise.all(machines.map(({ server }) => server.remove()))
    await Promise.all([path.close(), redis.close()])
  }
}

const missing = whatIsMissing()
if (missing !== undefined) {
  process.stderr.write(`cluster: ${missing}\n`)
  process.exit(2)
}
within(WHOLE_DEADLINE, 'the whole run', main()).then(
  (isWell) => process.exit(isWell ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`cluster: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  },
)

function made(answer: ChangeAnswer): Extract<ChangeAnswer, { kind: 'made' }> {
  demand(answer.kind === 'made', JSON.stringify(answer))
  return answer as Extract<ChangeAnswer, { kind: 'made' }>
}
