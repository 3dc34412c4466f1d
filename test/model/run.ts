import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CONTROLS } from './controls'
import { Trial, type Verdict } from './trial'

/** Sessions with one gateway: its start takes as long as some of them. */
const PER_GATEWAY = 30
const GATEWAYS_AT_A_TIME = 3
const SHORT = 300
const LONG = 10_000

/** Violations of one gateway that are shown. */
const SHOWN = 30

interface Run {
  readonly sessions: number
  /** Of the first gateway; those that follow have the numbers that follow. */
  readonly seed: number
  /** Names of builds that must be caught. */
  readonly controls: readonly string[]
  /** A folder for the logs of gateways with violations. */
  readonly logs: string | undefined
}

/**
 * `--long`, `--sessions N`, `--seed S`, `--control NAME` (also `all`) in place of our own build, `--logs
 * FOLDER`. Without any: the short form and all controls.
 */
function runOf(args: readonly string[]): Run {
  const { values } = parseArgs({
    args: [...args],
    options: {
      long: { type: 'boolean', default: false },
      sessions: { type: 'string' },
      seed: { type: 'string' },
      control: { type: 'string' },
      logs: { type: 'string' },
    },
  })
  const { long, control, logs } = values
  const sessions = numberOf('sessions', values.sessions)
  const seed = numberOf('seed', values.seed)
  const all = Object.keys(CONTROLS)
  if (control !== undefined && control !== 'all' && !all.includes(control)) {
    throw new Error(`no control ${control}; there are: ${all.join(', ')}, all`)
  }
  const onlyOurs = long || sessions !== undefined || seed !== undefined
  return {
    sessions: control === undefined ? (sessions ?? (long ? LONG : SHORT)) : 0,
    seed: seed ?? Date.now() % 2 ** 31,
    controls: control === 'all' ? all : control !== undefined ? [control] : onlyOurs ? [] : all,
    logs,
  }
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`--${option} ${text} is not a whole number from 0 on`)
}

async function main(run: Run): Promise<void> {
  const began = performance.now()
  const verdicts = run.sessions > 0 ? await hold(run) : []
  const caught: Record<string, boolean> = {}
  const control = async (name: string) => void (caught[name] = await isCaught(name, run))
  await Promise.all(run.controls.map(control))
  const total = (of: (verdict: Verdict) => number) =>
    verdicts.reduce((sum, verdict) => sum + of(verdict), 0)
  const result = {
    seed: run.seed,
    sessions: run.sessions,
    gateways: verdicts.length,
    mails: total(({ mails }) => mails),
    kept: total(({ kept }) => kept),
    copies: total(({ copies }) => copies),
    misses: total(({ misses }) => misses),
    violations: total(({ violations }) => violations.length),
    controls: caught,
    seconds: Math.round((performance.now() - began) / 100) / 10,
  }
  console.log(
    `\nmodel: ${result.sessions} sessions with ${result.gateways} gateways, ${result.violations} violations; ` +
      `controls caught: ${Object.values(caught).filter(Boolean).length} of ${run.controls.length} (${result.seconds} s)`,
  )
  console.log(JSON.stringify(result))
  if (result.violations > 0 || Object.values(caught).includes(false)) process.exitCode = 1
}

/** All sessions, with as many gateways as they need. */
async function hold(run: Run): Promise<Verdict[]> {
  const trial = await Trial.start()
  const verdicts: Verdict[] = []
  const sizes = Array.from({ length: Math.ceil(run.sessions / PER_GATEWAY) }, (_, at) =>
    Math.min(PER_GATEWAY, run.sessions - at * PER_GATEWAY),
  )
  const gateways = sizes.entries()
  const next = async () => {
    for (const [at, sessions] of gateways) {
      const verdict = await trial.run(run.seed + at, sessions)
      show(verdict, sessions, run.logs)
      verdicts.push(verdict)
    }
  }
  try {
    await Promise.all(Array.from({ length: GATEWAYS_AT_A_TIME }, next))
    return verdicts
  } finally {
    await trial.close()
  }
}

/** Whether a build that is wrong shows a violation within the sessions of the short form. */
async function isCaught(name: string, { seed }: Run): Promise<boolean> {
  const trial = await Trial.start(CONTROLS[name])
  try {
    for (let at = 0; at * PER_GATEWAY < SHORT; at++) {
      const { violations } = await trial.run(seed + at, PER_GATEWAY)
      if (violations.length === 0) continue
      console.log(`${name}: caught with seed ${seed + at}: ${violations[0]}`)
      return true
    }
    console.log(`${name}: not caught`)
    return false
  } finally {
    await trial.close()
  }
}

function show({ gateway, violations, ...counts }: Verdict, sessions: number, logs?: string): void {
  const { mails, kept, copies, misses, log } = counts
  const { seed, way } = gateway
  console.log(
    `seed ${seed}: ${sessions} sessions, ${way}: ${mails} mails, ${kept} kept, ${copies} copies, ` +
      `${misses} misses, ${violations.length} violations`,
  )
  if (violations.length === 0) return
  console.log(`  ${JSON.stringify(gateway)}`)
  for (const violation of violations.slice(0, SHOWN)) console.log(`  ! ${violation}`)
  if (violations.length > SHOWN) console.log(`  ! and ${violations.length - SHOWN} more`)
  if (logs === undefined) return
  mkdirSync(logs, { recursive: true })
  writeFileSync(join(logs, `${seed}.log`), log.join('\n'))
}

// What was started ends with this process, also when somebody ends it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

Promise.resolve()
  .then(() => main(runOf(process.argv.slice(2))))
  .catch((error: Error) => {
    console.error(`model: ${error.stack}`)
    process.exitCode = 1
  })
  .finally(() => process.exit())
