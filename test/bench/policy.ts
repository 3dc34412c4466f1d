import { readSettings } from '../../plugins/tdc/settings/read'
import type { PolicyTable } from '../../plugins/tdc/settings/policy'
import { median, type Figure } from './figure'

const SHORT = 100
const LONG = 100_000
const ROUNDS = 7
const DECISIONS = 409_600
/** Different recipients, the same for both tables: misses touch the whole of a list's memory. */
const RECIPIENTS = 4_096

const UNIT = 'decisions/s'

/** Entries of all four forms, the numbers spread so that both tables know the first hundred. */
function entry(i: number): string {
  const forms = [`user${i}@list.example`, `name${i}@`, `@host${i}.example`, `@.zone${i}.example`]
  return forms[i % forms.length] ?? ''
}

function tableOf(size: number): PolicyTable {
  const read = readSettings({
    ini: { 'policy.listed': { recipients: 'listed', recipient_list_file: 'list' } },
    headings: ['policy.listed'],
    hostname: 'mx1',
    me: 'mx1.example',
    localDomains: [],
    readList: () => ({ kind: 'lines', lines: Array.from({ length: size }, (_, i) => entry(i)) }),
    readFile: () => ({ kind: 'unreadable', why: 'not asked for' }),
  })
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'))
  return read.settings.policies
}

/** Every second one is listed, by its address or by its domain, in both tables. */
function recipient(i: number): string {
  if (i % 2 === 1) return `nobody${i}@deep.sub.elsewhere${i}.example`
  const row = i % SHORT
  return row % 4 === 0 ? `user${row}@list.example` : `any${i}@sub.zone${row + 1}.example`
}

function decisionsPerSecond(table: PolicyTable): number {
  const recipients = Array.from({ length: RECIPIENTS }, (_, i) => recipient(i))
  let listed = 0
  const start = process.hrtime.bigint()
  for (let i = 0; i < DECISIONS; i++) {
    const { policy } = table.match('sender@far.example', recipients[i % RECIPIENTS] ?? '')
    if (policy === 'listed') listed++
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  if (listed !== DECISIONS / 2) throw new Error(`${listed} of ${DECISIONS} were listed`)
  return DECISIONS / seconds
}

/** What a policy decision costs with a list of 100,000 entries against one of 100. */
export async function policy(): Promise<Figure> {
  const tables = { short: tableOf(SHORT), long: tableOf(LONG) }
  decisionsPerSecond(tables.short)
  decisionsPerSecond(tables.long)
  const short: number[] = []
  const long: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    short.push(decisionsPerSecond(tables.short))
    long.push(decisionsPerSecond(tables.long))
    const [few, many] = [short, long].map((all) => Math.round(all.at(-1) ?? 0))
    console.log(`policy round ${round}: ${SHORT} entries ${few}, ${LONG} entries ${many} ${UNIT}`)
  }
  const ours = median(long)
  const theirs = median(short)
  return { case: 'policy', ratio: ours / theirs, ours, theirs, unit: UNIT }
}
