import { decide } from '../../plugins/tdc/decide/decision'
import type { MessageFacts } from '../../plugins/tdc/decide/message-facts'
import type { Settings } from '../../plugins/tdc/settings/settings'
import { settingsOf } from '../support/settings-source'
import { type Figure, median } from './figure'

const SHORT = 100
const LONG = 100_000
const ROUNDS = 9
const DECISIONS = 204_800
/** Different messages, the same for both lists: they touch the whole of a list's memory. */
const ENVELOPES = 4_096

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

interface WireEnvelope {
  readonly sender: Buffer
  readonly recipient: Buffer
}

/** Facts of strings that are made for this message, as they are when they come off a socket. */
function factsOf(wire: WireEnvelope): MessageFacts {
  const address = wire.recipient.toString('latin1')
  const key = address.toLowerCase()
  return {
    transaction: 'E29E82CC-736A-48B3-81B4-CBF8D10A4DD5.1',
    sender: wire.sender.toString('latin1').toLowerCase(),
    recipients: [{ address, key, domain: key.slice(key.lastIndexOf('@') + 1) }],
    relaying: false,
    relayClient: false,
    verdict: 'clean',
    loopToken: undefined,
  }
}

function decisionsPerSecond(settings: Settings, wire: readonly WireEnvelope[]): number {
  let copies = 0
  const start = process.hrtime.bigint()
  for (let i = 0; i < DECISIONS; i++) {
    const envelope = wire[i % ENVELOPES]
    if (envelope) copies += decide(factsOf(envelope), settings, () => false).routes.length
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  if (copies !== DECISIONS / 2) throw new Error(`${copies} copies of ${DECISIONS} messages`)
  return DECISIONS / seconds
}

/**
 * What a decision costs with a list of 100,000 entries against one of 100. A decision is what the
 * plugin makes of a message: of its facts, in strings that no list has seen before. The bare look-up,
 * with strings whose hashes are known, is no part of any message's way; it measures how much of a
 * table the processor's cache can hold, tens of nanoseconds that nothing else is compared with.
 */
export async function policy(): Promise<Figure> {
  const wire = Array.from({ length: ENVELOPES }, (_, i) => ({
    sender: Buffer.from(`Sender${i}@far${i % 97}.example`),
    recipient: Buffer.from(recipient(i)),
  }))
  const few = settingsWith(SHORT)
  const many = settingsWith(LONG)
  decisionsPerSecond(few, wire)
  decisionsPerSecond(many, wire)
  const short: number[] = []
  const long: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    short.push(decisionsPerSecond(few, wire))
    long.push(decisionsPerSecond(many, wire))
    const [a, b] = [short, long].map((all) => Math.round(all.at(-1) ?? 0))
    console.log(`round ${round}: ${SHORT} entries ${a}, ${LONG} entries ${b} ${UNIT}`)
  }
  const [ours, theirs] = [median(long), median(short)]
  return { case: 'policy', ratio: ours / theirs, ours, theirs, unit: UNIT }
}
