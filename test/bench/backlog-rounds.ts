import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HarakaServer, makeServerDir } from '../support/haraka'
import { RECIPIENT } from './message'
import { fillQueue } from './queue-files'
import { type Rounds, roundsOf, roundsPlugin } from './rounds'

const COPIES = Number(process.env['TDC_BACKLOG'] ?? 100_000)
/** Milliseconds: every look that is made each minute is in it three times. */
const REST = 180_000

/**
 * The longest that work of the connector holds a round of the event loop while 100,000 copies wait: for
 * three minutes in which nobody asks for anything, and while each command of the command line that
 * concerns all of them is given.
 */
export async function backlogRounds(): Promise<undefined> {
  const silent = createServer((socket) => socket.on('error', () => socket.destroy()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const dir = await makeServerDir({
    plugins: ['rounds', 'tdc'],
    localPlugins: roundsPlugin,
    config: { 'tdc.ini': tdcIni(port) },
  })
  fillQueue(join(dir, 'queue'), 'connector', COPIES)
  const server = new HarakaServer(dir)
  try {
    await server.start()
    const began = Date.now()
    const deferred = async () => {
      const { out } = await server.tdc('status', '--json')
      return (JSON.parse(out) as { queue: { deferred: number } }).queue.deferred
    }
    while ((await deferred()) < COPIES) await sleep(2_000)
    console.log(`${COPIES} copies wait after ${((Date.now() - began) / 1000).toFixed()} s`)
    say(`${REST / 1000} s`, await roundsOf(server, 1, () => sleep(REST)))
    for (const [at, command] of COMMANDS.entries()) {
      const work = async () => {
        const { code, out } = await server.tdc(...command)
        if (code !== 0) console.log(out.slice(-300))
        await sleep(2_000)
      }
      say(command.join(' '), await roundsOf(server, at + 2, work))
    }
  } finally {
    silent.close()
    await server.remove()
  }
  return undefined
}

const COMMANDS = [
  ['status'],
  ['queue', '--most', '5000'],
  ['track', 'nobody@customer.example'],
  ['show', 'X'],
  ['hold'],
  ['release'],
  ['flush'],
]

function say(what: string, { ours, collector, others, round, rounds }: Rounds): void {
  const of = (milliseconds: number) => milliseconds.toFixed(1)
  console.log(
    `${what}: in one of ${rounds} rounds the connector's own work had at most ${of(ours)} ms, ` +
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
`
}
