/**
 * `npm run readers`: the copies of odd messages, as a real gateway makes them, before the programs that
 * people read journals with. Does each give the attached original back whole, name its recipient, and
 * see one address of the client, ours? Packages of npm are installed into a folder of their own; those
 * of Debian that are missing are named. `--generated N`, `--seed S`, `--only NAME`.
 */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dressedFields, generate, ODDITY_COUNT } from '../corpora/generator'
import { CLIENT_IP, Passage, type Passed } from '../corpora/passage'
import { addedHeader } from '../support/identical'
import { run } from '../support/run'
import { makeTempDir } from '../support/temp-dir'
import { EXPECTED, type Expected, type Result } from './expected'
import { PROGRAMS, READERS, type Reader, type Reading, readAll } from './readers'

interface Row {
  readonly version: string
  readonly identical: number
  readonly 'line ends': number
  readonly 'written anew': number
  readonly lost: number
  /** Reports whose recipient the reader names. */
  readonly text: number
  /** Originals in which it sees one address of the client, ours; '-': it cannot be asked. */
  readonly client: number | '-'
  /** The same in plain copies. */
  readonly 'bcc client': number | '-'
  readonly asExpected: boolean
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      generated: { type: 'string', default: String(2 * ODDITY_COUNT) },
      seed: { type: 'string', default: '20261127' },
      only: { type: 'string' },
    },
  })
  const copies = await copiesOf(Number(values.generated), Number(values.seed))
  console.log(`readers: ${copies.length} reports of messages of ${ODDITY_COUNT} kinds`)
  const wanted = (Object.keys(EXPECTED) as (keyof typeof READERS)[]).filter(
    (name) => !values.only || name === values.only,
  )
  const programs = await programsBeside(wanted.flatMap((name) => EXPECTED[name]?.npm ?? []))
  const table: Record<string, Row> = {}
  const missing: string[] = []
  for (const name of wanted) {
    const reader: Reader = READERS[name]
    try {
      table[name] = await rowOf(reader, EXPECTED[name], programs, copies)
    } catch (error) {
      missing.push(`${name} cannot be run here (${reader.debian ?? 'npm'}): ${String(error)}`)
    }
  }
  console.table(table)
  for (const text of missing) console.log(text)
  const bad = Object.values(table).filter(({ asExpected }) => !asExpected).length
  console.log(JSON.stringify({ case: 'readers', reports: copies.length, table }))
  console.log(`readers n=${Object.keys(table).length} missing=${missing.length} violations=${bad}`)
  return Object.keys(table).length === 0 ? 1 : bad
}

/** What came through a real gateway, original and report. */
async function copiesOf(count: number, seed: number): Promise<Passed[]> {
  const passage = await Passage.open()
  try {
    const all = await passage.pass([...generate(count, seed), ...dressedFields()])
    return all.filter((each) => each.journals.length === 1 && each.plainCopies.length === 1)
  } finally {
    await passage.close()
  }
}

/** The programs beside exactly these packages, which the project has no need of else. */
async function programsBeside(packages: readonly string[]): Promise<string> {
  const folder = makeTempDir('readers')
  cpSync(PROGRAMS, folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', ...packages]
  if (packages.length > 0) await run('npm', args, { cwd: folder, milliseconds: 120_000 })
  return folder
}

async function rowOf(
  reader: Reader,
  { originals, text }: Expected = { originals: [], text: false },
  programs: string,
  copies: readonly Passed[],
): Promise<Row> {
  const read = (field: string, messages: readonly Buffer[]): Promise<Reading> =>
    readAll(reader, field, messages, programs)
  const reports = copies.map(({ journals: [report] }) => report ?? Buffer.alloc(0))
  const plainCopies = copies.map(({ plainCopies: [copy] }) => copy ?? Buffer.alloc(0))
  const { version, seen } = await read('X-IronPort-RemoteIP', reports)
  const attached = seen.map(({ original }) =>
    typeof original === 'string' ? Buffer.from(original, 'base64') : undefined,
  )
  const results = copies.map((copy, at) => resultOf(copy, attached[at]))
  const count = (result: Result) => results.filter((each) => each === result).length
  const named = copies.filter((copy, at) => nameIn(seen[at]?.text) === recipientOf(copy))
  const clients = [
    await read(
      'X-IronPort-RemoteIP',
      attached.filter((each) => each !== undefined),
    ),
    await read('X-CSE-ClientIP', plainCopies),
  ].map(({ seen: all }) => {
    const asked = all.flatMap(({ values }) => (values ? [values] : []))
    const ours = asked.filter(
      ([value, ...more]) => more.length === 0 && value?.trim() === CLIENT_IP,
    )
    return {
      ours: asked.length > 0 ? ours.length : ('-' as const),
      allOurs: ours.length === asked.length,
    }
  })
  return {
    version,
    identical: count('identical'),
    'line ends': count('line ends'),
    'written anew': count('written anew'),
    lost: count('lost'),
    text: named.length,
    client: clients[0]?.ours ?? '-',
    'bcc client': clients[1]?.ours ?? '-',
    asExpected:
      results.every((result) => originals.includes(result)) &&
      (!text || named.length === copies.length) &&
      clients.every(({ allOurs }) => allOurs),
  }
}

function resultOf({ journals: [report] }: Passed, seen: Buffer | undefined): Result {
  const attached = report && attachedIn(report)
  if (!seen || !attached) return 'lost'
  if (seen.equals(attached)) return 'identical'
  return lineEndsAside(seen) === lineEndsAside(attached) ? 'line ends' : 'written anew'
}

/** The attached message by octets, from the field on top of it to the last delimiter. */
function attachedIn(report: Buffer): Buffer | undefined {
  const from = report.indexOf(addedHeader(CLIENT_IP))
  const to = report.lastIndexOf('\r\n--', report.length - 5)
  return from === -1 ? undefined : report.subarray(from, to)
}

function lineEndsAside(octets: Buffer): string {
  return octets.toString('latin1').replace(/\r\n/g, '\n').replace(/\n+$/, '')
}

const recipientOf = (copy: Passed | undefined) =>
  /^Recipient: (.*)\r$/m.exec(copy?.journals[0]?.toString('latin1', 0, 8192) ?? '')?.[1]

const nameIn = (text: string | null | undefined) => /^Recipient: ([^\r\n]*)/m.exec(text ?? '')?.[1]

main().then(
  (bad) => process.exit(bad === 0 ? 0 : 1),
  (error: unknown) => {
    console.log(error)
    process.exit(1)
  },
)
