import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HarakaServer, makeServerDir } from '../support/haraka'
import { RECIPIENT } from './message'
import { installOld, OLD } from './old-build'
import { memoryOf } from './process-figures'
import { fillQueue } from './queue-files'
import { type Rounds, roundsOf, roundsPlugin } from './rounds'

const COPIES = Number(process.env['TDC_BACKLOG'] ?? 100_000)
/** Milliseconds: every look that is made each minute is in it three times. */
const REST = Number(process.env['TDC_REST'] ?? 180) * 1000

/** Copies whose memory is compared with that of 0.2.0. */
const REMEMBERED = 30_000

/**
 * The longest that work of the connector holds a round of the event loop while 100,000 copies wait: for
 * three minutes in which nobody asks for anything, and while each command of the command line that
 * concerns all of them is given. And what memory 30,000 take in this build, and in 0.2.0.
 */
export async function backlogRounds(): Promise<undefined> {
  const silent = createServer((socket) => socket.on('error', () => socket.destroy()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  try {
    await rounds(port)
    await memory(port)
  } finally {
    silent.close()
  }
  return undefined
}

async function rounds(port: number): Promise<void> {
  const server = await withBacklog(port, COPIES)
  try {
    say(`${REST / 1000} s`, await roundsOf(server, 1, () => sleep(REST)))
    for (const [at, command] of COMMANDS.entries()) {
      const work = async () => {
        await server.tdc(...command)
        await sleep(2_000)
      }
      say(command.join(' '), await roundsOf(server, at + 2, work))
    }
  } finally {
    await server.remove()
  }
}

async function memory(port: number): Promise<void> {
  const grown = async (install?: (dir: string) => Promise<void>) => {
    const sizes: number[] = []
    for (const copies of [1, REMEMBERED]) {
      const server = await withBacklog(port, copies, install)
      await sleep(10_000)
      sizes.push(memoryOf(server.pid).now)
      await server.remove()
    }
    const [few = 0, many = 0] = sizes
    return many - few
  }
  const [now, then] = [await grown(), await grown(installOld)]
  console.log(
    `${REMEMBERED} copies that wait: ${now.toFixed()} MB, ${OLD} ${then.toFixed()} MB, ` +
      `ratio ${(now / then).toFixed(2)}`,
  )
}

/** A server that has found so many copies, when all have failed once and wait for their retry. */
async function withBacklog(
  port: number,
  copies: number,
  install?: (dir: string) => Promise<void>,
): Promise<HarakaServer> {
  const dir = await makeServerDir({
    plugins: ['rounds', 'tdc'],
    localPlugins: roundsPlugin,
    config: { 'tdc.ini': tdcIni(port) },
    ...(install && { install }),
  })
  fillQueue(join(dir, 'queue'), 'connector', copies)
  const server = new HarakaServer(dir)
  const began = Date.now()
  await server.start()
  const renamed = () => server.queueFiles().every((name) => name.split('_')[2] === '1')
  while (!renamed()) await sleep(2_000)
  console.log(`${copies} copies wait after ${((Date.now() - began) / 1000).toFixed()} s`)
  return server
}

const COMMANDS = [
  ['status'],
  ['queue', '--most', '1000'],
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
