import { createRequire } from 'node:module'
import { askedOf } from '../../plugins/tdc/decide/clean'
import { decide } from '../../plugins/tdc/decide/decision'
import { GivenRecipients } from '../../plugins/tdc/haraka/given-recipients'
import { messageFacts } from '../../plugins/tdc/haraka/message'
import type { Connection, HarakaAddress, Transaction } from '../../plugins/tdc/haraka/types'
import { TOKEN_HEADER } from '../../plugins/tdc/journal/loop-token'
import type { Settings } from '../../plugins/tdc/settings/settings'
import { settingsOf } from '../support/settings-source'
import { type Figure, median } from './figure'

/** Haraka's own classes, which have no types. */
const load = createRequire(require.resolve('haraka/package.json'))
const { Address } = load('@haraka/email-address') as {
  Address: new (path: string) => HarakaAddress
}
const Notes = load('haraka-notes') as new () => Transaction['notes']
const { Header } = load('haraka-email-message') as {
  Header: new () => Transaction['header'] & { parse(lines: readonly string[]): void }
}

const SHORT = 100
const LONG = 100_000
const ROUNDS = 9
/** Different messages, the same for both lists: they touch the whole of a list's memory. */
const ENVELOPES = 4_096
const BATCHES = 50

const UNIT = 'decisions/s'

const TDC = `
[main]
enabled=true
intake_address=intake@scan.example

[policy.listed]
recipients=listed
recipient_list_file=list
intake=no

[policy.DEFAULT]
intake=default
`

/** Entries of all four forms, the numbers spread so that both lists have the first hundred. */
function entry(i: number): string {
  const forms = [`user${i}@list.example`, `name${i}@`, `@host${i}.example`, `@.zone${i}.example`]
  return forms[i % forms.length] ?? ''
}

function settingsWith(size: number): Settings {
  const lines = Array.from({ length: size }, (_, i) => entry(i))
  return settingsOf(TDC, { readList: () => ({ kind: 'lines', lines }) })
}

/** Every second one is listed, by its address or by its domain, in both lists. */
function recipient(i: number): string {
  if (i % 2 === 1) return `nobody${i}@deep.sub.elsewhere${i}.example`
  const row = i % SHORT
  return row % 4 === 0 ? `user${row}@list.example` : `any${i}@sub.zone${row + 1}.example`
}

/** What is read of Haraka's objects, in its own classes; made new for every round. */
function transactions(): Transaction[] {
  return Array.from({ length: ENVELOPES }, (_, i) => {
    const header = new Header()
    header.parse([`Subject: message ${i}\r\n`, `Message-ID: <${i}@far.example>\r\n`])
    return {
      uuid: `E29E82CC-736A-48B3-81B4-CBF8D10A4DD5.${i}`,
      mail_from: new Address(`<Sender${i}@far${i % 97}.example>`),
      rcpt_to: [new Address(`<${recipient(i)}>`)],
      header,
      notes: new Notes(),
    } as unknown as Transaction
  })
}

const CONNECTION = { notes: {} } as unknown as Connection

function decisionsPerSecond(settings: Settings): number {
  let [copies, microseconds] = [0, 0]
  for (let batch = 0; batch < BATCHES; batch++) {
    const incoming = transactions()
    const before = process.cpuUsage()
    for (const transaction of incoming) {
      const facts = messageFacts(
        CONNECTION,
        transaction,
        false,
        new GivenRecipients(),
        TOKEN_HEADER,
        askedOf(settings.unless),
      )
      copies += decide(facts, settings, () => false).routes.length
    }
    const { user, system } = process.cpuUsage(before)
    microseconds += user + system
  }
  const decisions = BATCHES * ENVELOPES
  if (copies !== decisions / 2) throw new Error(`${copies} copies of ${decisions} messages`)
  return decisions / (microseconds / 1e6)
}

/**
 * What a decision costs with a list of 100,000 entries against one of 100. A decision is what the
 * plugin makes of a message in `data_post`: Haraka's objects in, routes out. The bare look-up, with
 * strings whose hashes are known, is no part of any message's way; it measures how much of a table
 * the processor's cache can hold, tens of nanoseconds that nothing else is compared with.
 */
export async function policy(): Promise<Figure> {
  const few = settingsWith(SHORT)
  const many = settingsWith(LONG)
  decisionsPerSecond(few)
  decisionsPerSecond(many)
  const short: number[] = []
  const long: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    short.push(decisionsPerSecond(few))
    long.push(decisionsPerSecond(many))
    const [a, b] = [short, long].map((all) => Math.round(all.at(-1) ?? 0))
    console.log(`round ${round}: ${SHORT} entries ${a}, ${LONG} entries ${b} ${UNIT}`)
  }
  const [ours, theirs] = [median(long), median(short)]
  return { case: 'policy', ratio: ours / theirs, ours, theirs, unit: UNIT }
}
