import { comesTrue } from '../support/comes-true'
import { MailPath, mailAbout } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'

/** Seconds that Haraka gives a hook. */
const PLUGIN_TIMEOUT = 1

/** What becomes of a mail: the code for its final dot, and how many of it there are. */
interface Row {
  /** The recipient's name, which the plugin queue_whims obeys. */
  readonly wish: string
  readonly code: number
  readonly originals: 0 | 1
  readonly copies: 0 | 1
  /** The original may have been queued when its plugin ran out of time: the copy says so in the log. */
  readonly inDoubt?: boolean
}

const taken = { code: 250, originals: 1, copies: 1 } as const
const rejected = { code: 550, originals: 0, copies: 0 } as const
const deferred = { code: 450, originals: 0, copies: 0 } as const

/** Six ways of a queue plugin, each with and without a `deny` hook that overrides a refusal. */
const ROWS: readonly Row[] = [
  { wish: 'bob', ...taken },
  { wish: 'bob-override', ...taken },
  { wish: 'throw', ...taken },
  { wish: 'throw-override', ...taken },
  { wish: 'reject', ...rejected },
  { wish: 'reject-override', ...taken },
  { wish: 'defer', ...deferred },
  { wish: 'defer-override', ...taken },
  { wish: 'cut', ...rejected },
  { wish: 'cut-override', ...taken },
  { wish: 'hang', ...deferred, copies: 1, inDoubt: true },
  { wish: 'hang-override', ...taken },
]

export const queuePlugins: FaultCase = {
  name: 'R6',
  title: 'queue plugins that refuse, throw or hang, and deny hooks that override them',
  async run({ long }: FaultContext): Promise<FaultResult> {
    const rounds = long ? 50 : 3
    const path = await MailPath.start({
      beforeTdc: ['tdc_inspect'],
      afterTdc: ['queue_whims'],
      config: { plugin_timeout: `${PLUGIN_TIMEOUT}\n` },
    })
    try {
      const violations: string[] = []
      for (let round = 0; round < rounds; round++) {
        const found = await Promise.all(ROWS.map((row) => tried(path, row, round)))
        violations.push(...found.flat())
      }
      await path.settled()
      for (const row of ROWS) violations.push(...counted(path, row, rounds))
      return { n: rounds * ROWS.length, violations, figures: { combinations: ROWS.length } }
    } finally {
      await path.close()
    }
  },
}

function subjectOf({ wish }: Row, round: number): string {
  return `R6 ${wish} ${round}`
}

async function tried(path: MailPath, row: Row, round: number): Promise<string[]> {
  const subject = subjectOf(row, round)
  const reply = await path.send(mailAbout(subject, { to: [`${row.wish}@example.com`] }))
  const there = () => path.copiesOf(subject).length === row.copies
  await comesTrue(there, 10_000)
  const uuid = /\(([0-9A-F-]{36}\.\d+)\)/.exec(reply.lines.join(' '))?.[1] ?? 'no uuid'
  const doubts = path.haraka.log.some((line) => line.includes(`MID ${uuid}.tdc1 in doubt`))
  const found = reply.code === row.code ? [] : [`${subject}: ${reply.code}, should be ${row.code}`]
  return doubts === (row.inDoubt ?? false) ? found : [...found, `${subject}: in doubt: ${doubts}`]
}

/** After everything has settled: what came too much is seen too. */
function counted(path: MailPath, row: Row, rounds: number): string[] {
  return Array.from({ length: rounds }, (_, round) => subjectOf(row, round)).flatMap((subject) => {
    const [originals, copies] = [path.originalsOf(subject).length, path.copiesOf(subject).length]
    if (originals === row.originals && copies === row.copies) return []
    return [`${subject}: ${originals} originals and ${copies} copies`]
  })
}
