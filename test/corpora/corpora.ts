/**
 * `npm run corpora -- FOLDER...`: every message of the folders (mbox, Maildir, .eml) through a real
 * Haraka with the packed plugin, to a mailbox and, in both formats, to an intake; each copy is compared
 * with what the mailbox got, octet by octet. Without a folder the messages are generated:
 * `--generated N` (default 400) and `--seed S`.
 */
import { parseArgs } from 'node:util'
import { differenceInJournal, differenceInPlainCopy } from './comparison'
import { messagesIn } from './folders'
import { generate, ODDITY_COUNT, type Sample } from './generator'
import { CLIENT_IP, Passage, type Passed } from './passage'

const BATCH = 100
const MOST_SHOWN = 20

interface Tally {
  messages: number
  /** Not taken by the gateway: no original, and so no copy. */
  refused: number
  identical: number
  differing: number
  lost: number
  twice: number
  /** A copy of a message that no mailbox got. */
  invented: number
}

const none = (): Tally => ({
  ...{ messages: 0, refused: 0, identical: 0, differing: 0, lost: 0, twice: 0, invented: 0 },
})

const FORMATS = {
  journal: {
    copies: ({ journals }: Passed) => journals,
    difference: (original: Buffer, copy: Buffer) => differenceInJournal(original, copy, CLIENT_IP),
  },
  bcc: {
    copies: ({ plainCopies }: Passed) => plainCopies,
    difference: differenceInPlainCopy,
  },
} as const

type Format = keyof typeof FORMATS

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      generated: { type: 'string', default: '400' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  })
  const [count, seed] = [Number(values.generated), Number(values.seed)]
  if (positionals.length === 0) {
    console.log(`corpora: ${count} messages of ${ODDITY_COUNT} kinds, --seed ${seed}`)
  }
  const samples = positionals.length > 0 ? allOf(positionals) : generate(count, seed)
  const tallies: Record<Format, Tally> = { journal: none(), bcc: none() }
  const differences: string[] = []
  const passage = await Passage.open()
  try {
    for (const batch of batches(samples)) {
      for (const passed of await passage.pass(batch)) tell(passed, tallies, differences)
      process.stderr.write(`\r${tallies.journal.messages} messages`)
    }
    process.stderr.write('\n')
  } finally {
    await passage.close()
  }
  for (const each of differences.slice(0, MOST_SHOWN)) console.log(each)
  if (differences.length > MOST_SHOWN) console.log(`and ${differences.length - MOST_SHOWN} more`)
  console.table(tallies)
  console.log(JSON.stringify({ case: 'R24', seed: positionals.length ? null : seed, ...tallies }))
  const { messages, refused } = tallies.journal
  const violations = Object.values(tallies)
    .map(({ differing, lost, twice, invented }) => differing + lost + twice + invented)
    .reduce((sum, n) => sum + n, 0)
  console.log(`corpora n=${messages} refused=${refused} violations=${violations}`)
  return violations === 0 && messages > refused
}

function tell(
  passed: Passed,
  tallies: Readonly<Record<Format, Tally>>,
  differences: string[],
): void {
  const [original] = passed.originals
  for (const format of ['journal', 'bcc'] as const) {
    const tally = tallies[format]
    const copies = FORMATS[format].copies(passed)
    const [copy] = copies
    tally.messages++
    const note = (what: 'lost' | 'twice' | 'invented' | 'differing', why: string) => {
      tally[what]++
      differences.push(`${passed.sample.name}, ${format}: ${why}`)
    }
    if (copies.length > 1) note('twice', `${copies.length} copies`)
    if (!original) {
      if (copy) note('invented', `a copy, and no original (${passed.code ?? 'closed'})`)
      else tally.refused++
    } else if (!copy) {
      note('lost', 'no copy')
    } else {
      const difference = FORMATS[format].difference(original, copy)
      if (difference === undefined) tally.identical++
      else note('differing', difference)
    }
  }
}

function* allOf(paths: readonly string[]): Generator<Sample> {
  for (const path of paths) yield* messagesIn(path)
}

function* batches(samples: Iterable<Sample>): Generator<Sample[]> {
  let batch: Sample[] = []
  for (const sample of samples) {
    batch.push(sample)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

main().then(
  (good) => process.exit(good ? 0 : 1),
  (error: unknown) => {
    console.log(error)
    process.exit(1)
  },
)
