import { writeFileSync } from 'node:fs'
import { Dice } from '../support/dice'
import { makeTempDir, removeTempDir } from '../support/temp-dir'
import { within } from '../support/within'
import type { FaultCase, FaultResult } from './case'
import { CASES, CONTROLS } from './cases'
import { type FaultRun, faultRun } from './command-line'
import { missing, surroundings } from './surroundings'

/** Milliseconds after which a case counts as failed. */
const SHORT_LIMIT = 4 * 60_000
const LONG_LIMIT = 4 * 60 * 60_000

/** Violations that are shown of one case. */
const SHOWN = 20

interface Report extends FaultResult {
  readonly case: string
  readonly seconds: number
}

async function main(run: FaultRun): Promise<void> {
  const reports: Report[] = []
  for (const each of run.cases) {
    console.log(`\n${each.name}: ${each.title}`)
    const report = await runOne(each, run)
    show(report, run.seed)
    reports.push(report)
  }
  const around = { form: run.long ? 'long' : 'short', seed: run.seed, ...surroundings() }
  const results = reports.map(({ violations, ...rest }) => ({
    ...rest,
    violations: violations.length,
    ...around,
  }))
  console.log()
  for (const result of results) console.log(JSON.stringify(result))
  if (run.out !== undefined) writeFileSync(run.out, JSON.stringify(results, null, 2) + '\n')
  if (reports.some(({ violations }) => violations.length > 0)) process.exitCode = 1
}

async function runOne(each: FaultCase, { long, seed }: FaultRun): Promise<Report> {
  const start = performance.now()
  const result = await attempt(each, long, seed)
  return { case: each.name, ...result, seconds: Math.round(performance.now() - start) / 1000 }
}

/** A case that cannot be run, throws or does not end has a violation. */
async function attempt(each: FaultCase, long: boolean, seed: number): Promise<FaultResult> {
  const lacking = missing(each.needs ?? [])
  if (lacking.length > 0)
    return { n: 0, violations: [`not run: there is no ${lacking.join(', ')}`] }
  const folder = makeTempDir(each.name.toLowerCase())
  const note = (text: string) => console.log(`  ${text}`)
  try {
    const work = each.run({ long, seed, dice: new Dice(seed), folder, note })
    return await within(long ? LONG_LIMIT : SHORT_LIMIT, `${each.name} has ended`, work)
  } catch (error) {
    return { n: 0, violations: [String(error instanceof Error ? error.stack : error)] }
  } finally {
    removeTempDir(folder)
  }
}

function show({ case: name, n, violations, seconds }: Report, seed: number): void {
  for (const violation of violations.slice(0, SHOWN)) console.log(`  ! ${violation}`)
  if (violations.length > SHOWN) console.log(`  ! and ${violations.length - SHOWN} more`)
  const took = `(${seconds.toFixed(1)} s)`
  console.log(`${name} n=${n} violations=${violations.length} seed=${seed} ${took}`)
}

// What was started ends with this process, also when somebody ends it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

Promise.resolve()
  .then(() => main(faultRun(process.argv.slice(2), CASES, CONTROLS)))
  .catch((error: Error) => {
    console.error(`faults: ${error.message}`)
    process.exitCode = 1
  })
  // A case that did not end must not keep the run.
  .finally(() => process.exit())
