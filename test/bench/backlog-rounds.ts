import { createServer, type AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownFolderIn } from '../../plugins/tdc/haraka/queue-directory'
import { HarakaServer, makeServerDir } from '../support/haraka'
import { benchMessage, RECIPIENT } from './message'
import { grown, grownText, heapPlugin, type Memory, memoryIn } from './heap-in-use'
import { installed } from './older-build'
import { fillKept, fillQueue } from './queue-files'
import { type Rounds, roundsOf, roundsPlugin } from './rounds'

const COPIES = Number(process.env['TDC_BACKLOG'] ?? 100_000)
/** Milliseconds: every look that is made each minute is in it three times. */
const REST = Number(process.env['TDC_REST'] ?? 180) * 1000

/** Copies that were given up and kept, which are replayed. */
const KEPT = Number(process.env['TDC_KEPT'] ?? 20_000)

/** Copies whose memory is compared with that of another build. */
const REMEMBERED = 30_000

/**
 * The longest that work of the connector holds a round of the event loop while 100,000 copies wait: for
 * three minutes in which nobody asks for anything, and while each command of the command line that
 * concerns all of them is given. And what memory 30,000 take in this build, and in the other.
 */
export async function backlogRounds(before: string): Promise<undefined> {
  const silent = createServer((socket) => socket.on('error', () => socket.destroy()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  try {
    await rounds(port)
    await memory(port, before)
  } finally {
    silent.close()
  }
  return undefined
}

async function rounds(port: number): Promise<void> {
  const server = await withBacklog(port, COPIES, { kept: KEPT })
  try {
    say(`${REST / 1000} s`, await roundsOf(server, 1, () => sleep(REST)))
    let time = 1
    const during = async (what: string, work: () => Promise<unknown>) =>
      say(what, await roundsOf(server, ++time, () => work().then(() => sleep(2_000))))
    for (const command of COMMANDS) {
      await during(command.join(' '), async () => {
        const { code, out, err } = await server.tdc(...command)
        if (code === null || code > 1) throw new Error(`exit code ${code}: ${out}${err}`)
      })
    }
    const settings = join(server.dir, 'config', 'tdc.ini')
    await during('a change of the settings', async () =>
      writeFileSync(settings, tdcIni(port).replace('retry_delay=3600', 'retry_delay=3500')),
    )
  } finally {
    await server.remove()
  }
}

async function memory(port: number, before: string): Promise<void> {
  const taken = async (copies: number, install?: (dir: string) => Promise<void>) => {
    const server = await withBacklog(port, copies, { install })
    await sleep(10_000)
    const memory = await memoryIn(server)
    await server.remove()
    return memory
  }
  const more = async (install?: (dir: string) => Promise<void>): Promise<Memory> =>
    grown(await taken(1, install), await taken(REMEMBERED, install))
  const [now, then] = [await more(), await more(installed(before))]
  console.log(`${REMEMBERED} copies that wait, beyond one: ${grownText(now, then, before)}`)
}

/** A server that has found so many copies, when all have failed once and wait for their retry. */
async function withBacklog(
  port: number,
  copies: number,
  {
    install,
    kept = 0,
  }: { install?: ((dir: string) => Promise<void>) | undefined; kept?: number } = {},
): Promise<HarakaServer> {
  const dir = await makeServerDir({
    plugins: ['rounds', 'heap_in_use', 'tdc'],
    localPlugins: { ...roundsPlugin, ...heapPlugin },
    config: { 'tdc.ini': tdcIni(port) },
    ...(install && { install }),
  })
  fillQueue(join(dir, 'queue'), 'connector', copies)
  fillKept(join(ownFolderIn(join(dir, 'queue')), 'kept'), kept)
  const server = new HarakaServer(dir)
  const began = Date.now()
  await server.start()
  const renamed = () => server.queueFiles().every((name) => (name.split('_')[2] ?? '1') === '1')
  while (!renamed()) await sleep(2_000)
  console.log(`${copies} copies wait after ${((Date.now() - began) / 1000).toFixed()} s`)
  return server
}

/** A message that waits, and one that is dropped. */
const [WAITING, DROPPED] = [17, 18].map((number) => benchMessage(number).mid) as [string, string]

const COMMANDS = [
  ['status'],
  ['status', '--json'],
  ['queue', '--most', '1000'],
  ['queue', '--json', '--most', '1000'],
  ['kept', '--most', '1000'],
  ['tophosts'],
  ['track', 'nobody@customer.example'],
  ['show', WAITING],
  ['drop', DROPPED],
  ['hold', '--intake', RECIPIENT],
  ['release', '--intake', RECIPIENT],
  ['hold'],
  ['release'],
  ['flush'],
  ['replay', '--all'],
]

function say(what: string, { ours, collector, others, round, rounds, busy }: Rounds): void {
  const of = (milliseconds: number) => milliseconds.toFixed(1)
  console.log(
    `${what}: in one of ${rounds} rounds the connector's own work had at most ${of(ours)} ms (${busy}), ` +
      `the collector ${of(collector)}, all others ${of(others)}; the longest round ${of(round)}`,
  )
}

function tdcIni(port: number): string {
  return `[main]
enabled=true
intake_address=${RECIPIENT}
[policy.DEFAULT]
intake=default
[delivery]
route=127.0.0.1:${port}
max_age=7200
retry_delay=3600
[queue]
max_copies=150000
`
}
