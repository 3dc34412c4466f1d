/**
 * `npm run intakes [-- NAME ... --long --speed]`: real servers as message intakes. Mails of 16 kinds go through
 * a real Haraka with the packed plugin to each; the table says what became of them, and what was
 * expected.
 */
import { createAuthority } from '../support/certificates'
import { runIntake, type Row, type Surroundings, surroundings } from './run'
import { RESTARTS } from './restarts'
import { type IntakeKind, INTAKES } from './servers'
import { speed } from './speed'
import { type Trouble, TROUBLES } from './troubles'

const LONG = 300
const SHORT = 60
/** What runs without a name. */
const USUAL = ['exim', 'postfix', 'sendmail', 'aiosmtpd', 'smtp-server']

/** Either an intake that is well, or one in trouble. */
type Subject = Partial<IntakeKind & Trouble> & Pick<IntakeKind, 'start'>

async function main(args: readonly string[]): Promise<boolean> {
  const isLong = args.includes('--long')
  const named = args.filter((arg) => !arg.startsWith('--'))
  const all: Readonly<Record<string, Subject>> = { ...INTAKES, ...RESTARTS, ...TROUBLES }
  const names = named.length > 0 ? named : isLong ? Object.keys(all) : USUAL
  const unknown = names.filter((name) => !(name in all))
  if (unknown.length > 0) {
    throw new Error(`no intake ${unknown.join(', ')}; there are: ${Object.keys(all).join(', ')}`)
  }
  const around = await surroundings(await createAuthority())
  if (args.includes('--speed')) {
    await speed(named, around).finally(() => close(around))
    return true
  }
  console.log(tableLine(COLUMNS))
  let [run, wrong] = [0, 0]
  try {
    for (const name of names) {
      const kind = all[name] as Subject
      const count = isLong ? LONG : SHORT
      const running = runIntake(name, kind, around, { count, ...kind.options })
      const row = await running.catch((error: unknown) => new Error(String(error)))
      if (row instanceof Error) {
        console.log(`${name}: ended: ${row.message}`)
        ;[run, wrong] = [run + 1, wrong + 1]
        continue
      }
      if (typeof row === 'string') {
        console.log(`${name}: not run: ${row}`)
        continue
      }
      run++
      const complaints = complaintsOf(row, kind)
      if (complaints.length > 0) wrong++
      show(name, row, complaints)
    }
  } finally {
    await close(around)
  }
  console.log(`intakes: ${run} run, ${wrong} not as expected`)
  return wrong === 0 && run > 0
}

const COLUMNS = [
  'intake',
  'offered',
  'used',
  'window',
  'copies',
  'delivered',
  'refused',
  'dropped',
  'lost',
  'twice',
  'retried',
  'connected',
  'identical',
  'seconds',
]

function show(name: string, row: Row, complaints: readonly string[]): void {
  const cells = [
    name,
    row.offered || '-',
    row.used || '-',
    row.window,
    row.copies,
    row.delivered,
    row.refused.length,
    row.dropped.length,
    row.lost.length,
    row.twice.length,
    row.retried,
    row.connections,
    row.identical,
    row.seconds.toFixed(1),
  ]
  console.log(tableLine(cells.map(String)))
  for (const complaint of complaints) console.log(`  not as expected: ${complaint}`)
}

function tableLine(cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at < 3 ? cell.padEnd(at === 0 ? 36 : 20) : cell.padStart(9)))
    .join(' ')
}

function complaintsOf(row: Row, kind: Subject): string[] {
  const { refuses = [], changes = [], cuts = false, drops = false } = kind
  const what = ({ kind, number }: { kind: string; number: number }): string => `${kind} ${number}`
  const changed = row.changed.filter((each) => !changes.includes(each))
  const unchanged = changes.filter((each) => !row.changed.includes(each))
  const notRefused = refuses.filter((each) => !row.refused.some((mail) => mail.kind === each))
  const { offers = row.offered } = kind
  return [
    ...(offers === row.offered ? [] : [`offered: ${row.offered}`]),
    ...(row.lost.length > 0 ? [`lost: ${row.lost.map(what).join(', ')}`, ...reasons(row)] : []),
    ...(row.dropped.length > 0 && !drops ? [`dropped: ${row.dropped.map(what).join(', ')}`] : []),
    ...(row.twice.length > 0 && !cuts ? [`twice: ${row.twice.map(what).join(', ')}`] : []),
    ...(changed.length > 0 ? [`changed: ${changed.join(', ')}`] : []),
    ...(unchanged.length > 0 ? [`no longer changed: ${unchanged.join(', ')}`] : []),
    ...(notRefused.length > 0 ? [`no longer refused: ${notRefused.join(', ')}`] : []),
  ]
}

function reasons({ log }: Row): string[] {
  return log.filter((line) => /Bounced|deferred|expired/i.test(line)).slice(0, 5)
}

export async function close({ mailbox, dns }: Surroundings): Promise<void> {
  await Promise.all([mailbox.close(), dns.close()])
}

// The exit handlers end what still runs.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
main(process.argv.slice(2)).then(
  (good) => process.exit(good ? 0 : 1),
  (error: unknown) => {
    console.log(error)
    process.exit(1)
  },
)
