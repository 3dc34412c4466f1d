import type { Dice } from '../support/dice'
import type { Fault } from '../support/fault-script'
import { IntakeLink } from '../support/intake-link'
import { PatientClock } from '../support/patient-clock'
import { within } from '../support/within'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { DeliveryLine } from './delivery-line'
import { type Cell, CELLS } from './intake-matrix'
import { throughGateway } from './matrix-gateway'

/** Cells at a time, each with an intake and a pool of its own. */
const AT_A_TIME = 40

/** Cells that one gateway is tried with, each with an intake on an address of its own. */
const SAMPLE = 40

/** Milliseconds of a patient clock. */
const TIMEOUT = 2_500
const TIMEOUTS = {
  connect: TIMEOUT,
  greeting: TIMEOUT,
  tls: TIMEOUT,
  command: TIMEOUT,
  data: TIMEOUT,
  final: TIMEOUT,
}
const MAX_AGE = 25_000
/** Milliseconds of the system's. */
const CELL_LIMIT = 150_000

export const intakeMatrix: FaultCase = {
  name: 'R9',
  title: 'every reply and every end of a connection at every command of the intake',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const rounds = long ? 20 : 1
    const violations: string[] = []
    const queue = shuffled(Array.from({ length: rounds }, () => CELLS).flat(), dice)
    const n = queue.length
    const clock = new PatientClock()
    const worker = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        violations.push(...(await tried(next, clock)))
      }
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, worker)).finally(() => clock.stop())
    const sample = shuffled(
      CELLS.filter(({ proven }) => !proven),
      dice,
    ).slice(0, long ? CELLS.length : SAMPLE)
    for (let at = 0; at < sample.length; at += SAMPLE) {
      violations.push(...(await throughGateway(sample.slice(at, at + SAMPLE))))
    }
    note(`${CELLS.length} cells, ${sample.length} of them through a gateway`)
    const figures = { cells: CELLS.length, throughGateway: sample.length }
    return { n: n + sample.length, violations, figures }
  },
}

async function tried(cell: Cell, clock: PatientClock): Promise<string[]> {
  const { keywords, proven } = cell
  const late = cell.faults.map((fault): Fault => ({ ...fault, from: 2 }))
  const script = (connection: number) => (proven && connection === 1 ? late : cell.faults)
  const link = await IntakeLink.start(
    { script, keywords, keepMessages: false, wait: (ms) => clock.wait(ms) },
    { clock, timeouts: TIMEOUTS },
  )
  const { server } = link
  const line = new DeliveryLine(link.options, {
    maxAge: MAX_AGE,
    retryDelay: 10,
    // So that each attempt to connect is one of the message.
    minConnections: 1,
    maxConnections: 1,
  })
  try {
    const content = messageOf(cell.size)
    if (proven) await within(CELL_LIMIT, `${cell.name} has begun`, line.deliver('m0', content))
    const before = proven ? 1 : 0
    const ended = await within(CELL_LIMIT, `${cell.name} has ended`, line.deliver('m1', content))
    const met = server.connections.flatMap(({ seen }) => seen.steps)
    const attempts = met.filter((step) => step === cell.counted).length - before
    const taken = server.messages.length - before
    const found: string[] = []
    const expect = (what: string, is: unknown, wanted: unknown) => {
      if (is !== wanted) found.push(`${cell.name}: ${what} ${is}, should be ${wanted}`)
    }
    expect('end', ended.kind, cell.end)
    expect('attempts that it counted', ended.attempts, cell.attempts)
    const { most = cell.attempts } = cell
    const seen = Math.min(Math.max(attempts, cell.attempts), most)
    expect('attempts that the intake saw', attempts, seen)
    if (taken > cell.taken) found.push(`${cell.name}: the intake has the message ${taken} times`)
    if (line.mistakes.length > 0) found.push(`${cell.name}: ${String(line.mistakes[0])}`)
    return found
  } catch (error) {
    return [`${cell.name}: ${String(error)}`]
  } finally {
    line.close()
    await link.close()
  }
}

function messageOf(octets: number): Buffer {
  const line = 'A line of the copy, as long as lines are.\r\n'
  return Buffer.from('Subject: copy\r\n\r\n' + line.repeat(Math.ceil(octets / line.length)))
}

function shuffled<T>(all: readonly T[], dice: Dice): T[] {
  return all
    .map((each) => ({ each, place: dice.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ each }) => each)
}
