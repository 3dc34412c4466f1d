/**
 * `npm run readers`: the copies of odd messages, as a real gateway makes them, before the programs that
 * people read journals with. Does each give the attached original back whole, name its recipient, and
 * see one address of the client, ours? Packages of npm are installed into a folder of their own; those
 * of Debian that are missing are named. `--generated N`, `--seed S`, `--only NAME`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dressedFields, generate, ODDITY_COUNT } from './generator'
import { CLIENT_IP, Passage, type Passed } from './passage'
import { addedHeader } from '../support/identical'
import { run } from '../support/run'
import { makeTempDir } from '../support/temp-dir'
import { READERS, type Reader, type Result } from './expected'

const ADAPTERS = join(__dirname, 'adapters')
const READER_DEADLINE = 120_000

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

interface Folders {
  /** Where the readers' programs stand. */
  readonly programs: string
  readonly journals: string
  readonly plainCopies: string
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
  const wanted = Object.entries(READERS).filter(([name]) => !values.only || name === values.only)
  const folders = {
    programs: await adapters(wanted.flatMap(([, { npm }]) => npm ?? [])),
    journals: makeTempDir('journals'),
    plainCopies: makeTempDir('plain-copies'),
  }
  for (const [at, { journals, plainCopies }] of copies.entries()) {
    writeFileSync(join(folders.journals, `${at}.eml`), journals[0] ?? '')
    writeFileSync(join(folders.plainCopies, `${at}.eml`), attachedToNothing(plainCopies[0]))
  }
  const table: Record<string, Row> = {}
  const missing: string[] = []
  for (const [name, reader] of wanted) {
    const row = rowOf(reader, folders, copies)
    if (row) table[name] = row
    else missing.push(`${name} cannot be run here: ${reader.debian ?? reader.npm ?? ''} is missing`)
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

/** The programs of adapters/ beside exactly these packages, which the project has no need of else. */
async function adapters(packages: readonly string[]): Promise<string> {
  const folder = makeTempDir('readers')
  cpSync(ADAPTERS, folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', ...packages]
  if (packages.length > 0) await run('npm', args, { cwd: folder, milliseconds: 120_000 })
  return folder
}

function rowOf(reader: Reader, folders: Folders, copies: readonly Passed[]): Row | undefined {
  const { originals, text } = reader
  const journals = reading(reader, folders, folders.journals, 'X-IronPort-RemoteIP')
  const plain = reading(reader, folders, folders.plainCopies, 'X-CSE-ClientIP')
  if (journals.version === '') return undefined
  const results = copies.map((copy, at) => resultOf(copy, journals.file(at, 'original')))
  const count = (result: Result) => results.filter((each) => each === result).length
  const named = copies.filter((copy, at) => nameIn(journals.file(at, 'text')) === recipientOf(copy))
  const clients = [journals, plain].map(({ file }) => {
    const asked = copies.flatMap((_, at) => file(at, 'client') ?? [])
    const ours = asked.filter((values) => values.toString('latin1').trim() === CLIENT_IP).length
    return { ours: asked.length > 0 ? ours : ('-' as const), allOurs: ours === asked.length }
  })
  return {
    version: journals.version,
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

/** What one reader makes of the reports in `source`. */
function reading({ command }: Reader, { programs }: Folders, source: string, field: string) {
  const target = makeTempDir('read')
  const [program, ...args] = command
  const { stdout } = spawnSync(program, [...args, source, target, field], {
    cwd: programs,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
    timeout: READER_DEADLINE,
  })
  return {
    /** '': the reader is not here. */
    version: (stdout ?? '').split('\n')[0] ?? '',
    file: (at: number, what: 'original' | 'text' | 'client') =>
      fileIn(join(target, `${at}.${what}`)),
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

/** A report around a plain copy, so that one program serves for both. */
function attachedToNothing(copy: Buffer = Buffer.alloc(0)): Buffer {
  const head =
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=tdc-readers\r\n\r\n' +
    '--tdc-readers\r\nContent-Type: text/plain\r\n\r\nSender:\r\n' +
    '--tdc-readers\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n'
  return Buffer.concat([Buffer.from(head), copy, Buffer.from('\r\n--tdc-readers--\r\n')])
}

function lineEndsAside(octets: Buffer): string {
  return octets.toString('latin1').replace(/\r\n/g, '\n').replace(/\n+$/, '')
}

const recipientOf = (copy: Passed | undefined) =>
  /^Recipient: (.*)\r$/m.exec(copy?.journals[0]?.toString('latin1', 0, 8192) ?? '')?.[1]

const nameIn = (text: Buffer | undefined) =>
  /^Recipient: ([^\r\n]*)/m.exec(text?.toString('latin1') ?? '')?.[1]

function fileIn(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined
}

main().then(
  (bad) => process.exit(bad === 0 ? 0 : 1),
  (error: unknown) => {
    console.log(error)
    process.exit(1)
  },
)
