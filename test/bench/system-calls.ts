import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HarakaServer } from '../support/haraka'
import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'

const ROUNDS = 5
const MESSAGES = 300
/** Calls fewer than this per message are the process's own, whatever mail there is. */
const SHOWN = 0.05

const UNIT = 'calls/message'

type Calls = ReadonlyMap<string, number>

/**
 * The system calls of a Haraka for a message of 4 KB, all threads, by name: with the plugin, until
 * the copy was delivered and its file removed, against without it. Needs strace.
 */
export async function systemCalls(): Promise<Figure> {
  if (spawnSync('strace', ['-V']).error) throw new Error('system-calls needs strace')
  return Lab.for(async (lab) => {
    const copying = await lab.gateway({ tdc: true })
    const bare = await lab.gateway({ tdc: false })
    const run = async (server: HarakaServer, copies: number): Promise<Calls> => {
      const bring = async () => {
        await lab.bring({ ...MX_TRAFFIC, port: server.port, messages: MESSAGES })
        await lab.drained(server, copies)
      }
      return counted(server.pid, bring)
    }
    const ours: Calls[] = []
    const theirs: Calls[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      ours.push(await run(copying, MESSAGES))
      theirs.push(await run(bare, 0))
      const [a = 0, b = 0] = [ours, theirs].map((all) => sum(all.at(-1)))
      console.log(`round ${round}: with ${a.toFixed(1)}, without ${b.toFixed(1)} ${UNIT}`)
    }
    show(ours, theirs)
    const [a, b] = [median(ours.map(sum)), median(theirs.map(sum))]
    return { case: 'system-calls', ratio: a / b, ours: a, theirs: b, unit: UNIT, difference: a - b }
  })
}

/** Calls per message while `work` runs. */
async function counted(pid: number, work: () => Promise<void>): Promise<Calls> {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-strace-'))
  const summary = join(folder, 'calls')
  const strace = spawn('strace', ['-c', '-f', '-p', String(pid), '-o', summary])
  try {
    await attached(strace)
    await work()
    const ended = once(strace, 'exit')
    strace.kill('SIGINT')
    await ended
    return parsed(readFileSync(summary, 'latin1'))
  } finally {
    strace.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}

/** strace says so on standard error, a line for each thread. */
async function attached(strace: ChildProcess): Promise<void> {
  if (strace.stderr) await once(strace.stderr, 'data')
  await sleep(200)
}

/** Columns: % time, seconds, usecs/call, calls, errors or nothing, name. */
function parsed(summary: string): Calls {
  const rows = summary.split('\n').map((line) => line.trim().split(/\s+/))
  const calls = rows.filter(
    (row) => row.length >= 5 && Number(row[0]) >= 0 && row.at(-1) !== 'total',
  )
  return new Map(calls.map((row) => [row.at(-1) ?? '', Number(row[3]) / MESSAGES]))
}

function sum(calls: Calls | undefined): number {
  return [...(calls?.values() ?? [])].reduce((total, each) => total + each, 0)
}

function show(ours: readonly Calls[], theirs: readonly Calls[]): void {
  const of = (all: readonly Calls[], name: string) => median(all.map((each) => each.get(name) ?? 0))
  const names = new Set([...ours, ...theirs].flatMap((calls) => [...calls.keys()]))
  const rows = [...names]
    .map((name) => ({ name, ours: of(ours, name), theirs: of(theirs, name) }))
    .filter((row) => Math.abs(row.ours - row.theirs) >= SHOWN)
    .sort((a, b) => b.ours - b.theirs - (a.ours - a.theirs))
  for (const row of rows) {
    const [a, b, more] = [row.ours, row.theirs, row.ours - row.theirs].map((n) => n.toFixed(2))
    console.log(`${row.name.padEnd(16)} with ${a}, without ${b}, more ${more}`)
  }
}
