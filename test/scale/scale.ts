/**
 * `npm run scale`: two hundred machines of two workers before one intake; the table and the histogram
 * of docs/scale.md. The real queue and pool on a fake clock, so what it prints depends on the seed
 * only. With `-- redis`: what a Redis bears that all share.
 */
import { table } from '../../plugins/tdc/cli/terminal'
import { Fleet, type FleetOptions, type FleetResult } from './fleet'
import { printShared } from './shared-scale'

const BEFORE = 40
const AFTER = 60

const BASE: FleetOptions = {
  seed: 1,
  workers: 400,
  rate: 100,
  intake: { connections: 500, refusal: '421', messages: 10, openTime: 150, sendTime: 60 },
  pool: {},
  retryDelay: 30_000,
  before: BEFORE * 1000,
  outage: 0,
  after: AFTER * 1000,
}

const ONE = { minConnections: 1, maxConnections: 1 }

/** What is simulated; the last one's histogram is printed. */
const CASES: readonly [string, Partial<FleetOptions>][] = [
  ['min_connections=3, no outage', {}],
  ['min_connections=1, no outage', { pool: { minConnections: 1 } }],
  [
    'one each, limit 300, refused by TCP',
    { pool: ONE, intake: { ...BASE.intake, connections: 300, refusal: 'tcp' } },
  ],
  ['one each, down for 25 s', { pool: ONE, outage: 25_000 }],
  ['one each, down for 60 s', { pool: ONE, outage: 60_000 }],
  ['the same, retry_delay=60', { pool: ONE, outage: 60_000, retryDelay: 60_000 }],
]

const HEADINGS = [
  'case',
  'copies',
  'given up',
  'age p50',
  'p99, s',
  'connections',
  'refused',
  'attempts/s up',
  'down',
  'back',
]

/** Seconds after which the first burst of an outage is over, and the pauses are at their longest. */
const SETTLED = 10

async function main(): Promise<void> {
  const rows = [HEADINGS]
  let last: { result: FleetResult; outage: number } | undefined
  for (const [name, options] of CASES) {
    const all = { ...BASE, ...options }
    const result = await new Fleet(all).run()
    const outage = all.outage / 1000
    rows.push(rowOf(name, result, outage))
    last = { result, outage }
  }
  console.log(table(rows).join('\n'))
  if (last) console.log(['', ...histogram(last.result, last.outage)].join('\n'))
}

function rowOf(name: string, result: FleetResult, outage: number): string[] {
  const { copies, bounced, expired, ages, intake, attempts } = result
  const most = (from: number, to: number) => String(Math.max(0, ...attempts.slice(from, to)))
  const age = (part: number) => ((ages[Math.floor(ages.length * part)] ?? 0) / 1000).toFixed(1)
  const end = BEFORE + outage
  return [
    name,
    String(copies),
    String(bounced + expired),
    age(0.5),
    age(0.99),
    String(intake.peak),
    String(intake.refused),
    most(SETTLED, BEFORE),
    outage ? most(BEFORE + SETTLED, end) : '-',
    outage ? most(end, end + SETTLED) : '-',
  ]
}

/** Seconds of one line, and attempts of one sign. */
const STEP = 5
const SIGN = 4

function histogram({ attempts }: FleetResult, outage: number): string[] {
  const lines = ['attempts to connect per second: the most of each five seconds']
  for (let at = BEFORE - 2 * STEP; at < BEFORE + outage + 4 * STEP; at += STEP) {
    const most = Math.max(...attempts.slice(at, at + STEP))
    const seconds = String(at - BEFORE).padStart(4)
    const isDown = at >= BEFORE && at < BEFORE + outage
    lines.push(
      `${seconds} s ${isDown ? 'down' : 'up  '} ${String(most).padStart(4)} ${'#'.repeat(most / SIGN)}`,
    )
  }
  return lines
}

void (process.argv.includes('redis') ? printShared() : main()).then(() => process.exit())
