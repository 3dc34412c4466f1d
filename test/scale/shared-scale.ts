/**
 * `npm run scale -- redis`: what a Redis is asked that machines share as their queue; the table of docs/scale.md.
 * The real queue, shared store and pool of each process before one intake, on a fake clock.
 */
import { table } from '../../plugins/tdc/cli/terminal'
import { Fleet, type FleetOptions } from './fleet'

/** Octets of a copy. */
const COPY = 76_000

/** `XADD` and `XDEL` a second that one Redis of docs/scale.md takes. */
const CAPACITY = 15_000

const INTAKE = {
  connections: 3_000,
  refusal: '421',
  messages: 50,
  openTime: 150,
  sendTime: 60,
} as const

const BASE = {
  ...{
    seed: 1,
    intake: INTAKE,
    pool: {},
    retryDelay: 30_000,
    outage: 0,
    after: 0,
    copyOctets: COPY,
  },
}

const CASES: readonly [string, FleetOptions][] = [
  ['1 a second, 2 processes', { ...BASE, rate: 1, workers: 2, before: 60_000 }],
  ['100 a second, 4', { ...BASE, rate: 100, workers: 4, before: 10_000 }],
  [
    'the same, intake away for 10 s',
    { ...BASE, rate: 100, workers: 4, before: 2_000, outage: 10_000 },
  ],
  ['10,000 a second, 64', { ...BASE, rate: 10_000, workers: 64, before: 2_000 }],
]

const HEADINGS = [
  'copies',
  'commands/s',
  'a copy',
  'Mbit/s in',
  'writes at/s',
  'MB at most',
  'of a Redis',
]

export async function printShared(): Promise<void> {
  const rows = [['case', ...HEADINGS]]
  for (const [name, options] of CASES) {
    const { copies, redis } = await new Fleet(options).run()
    if (!redis) throw new Error('no Redis')
    const { commands, received, writes, memory, seconds } = redis
    rows.push([
      name,
      String(copies),
      (commands / seconds).toFixed(1),
      (commands / copies).toFixed(2),
      ((received * 8) / seconds / 1e6).toFixed(1),
      (writes / seconds).toFixed(0),
      (memory / 1e6).toFixed(1),
      `${((commands / seconds / CAPACITY) * 100).toFixed(1)} %`,
    ])
  }
  console.log(table(rows).join('\n'))
}
