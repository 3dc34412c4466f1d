import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBlackHole } from '../support/black-hole'
import type { Dice } from '../support/dice'
import { INTAKE, IntakeLink } from '../support/intake-link'
import { type Cut, type Line, LineProxy } from '../support/line-proxy'
import { PatientClock } from '../support/patient-clock'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { DeliveryLine, type Ended } from './delivery-line'
import type { Unreached } from './unreachable-process'
import { TYPESCRIPT } from '../support/run'

/** Milliseconds of a patient clock. */
const TIMEOUT = 1_000
const TIMEOUTS = {
  connect: TIMEOUT,
  greeting: TIMEOUT,
  // A handshake that fails is not tried again: on a busy machine it must not be for its time.
  tls: 5 * TIMEOUT,
  command: TIMEOUT,
  data: TIMEOUT,
  final: TIMEOUT,
}
const NETWORK_OPTIONS = {
  maxAge: 20_000,
  retryDelay: 10,
  minConnections: 1,
  maxConnections: 1,
}
/** What may pass between the end of a copy's time and its last line. */
const TICK = 1_000

/** Octets of a copy: more than the buffers of a connection that nobody reads. */
const LARGE = 6_000_000

export const network: FaultCase = {
  name: 'R10',
  title: 'the network refuses, cuts, stalls, dribbles or swallows connections',
  needs: ['unshare', 'root'],
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const cuts = long ? 1_000 : 60
    const found = await Promise.all([
      refused(),
      swallowed(note),
      unreachable(),
      dribbled(),
      ...(['fin', 'rst', 'silence'] as const).map(whileIdle),
      ...Array.from({ length: 4 }, () => cutAnywhere(dice, cuts / 4)),
    ])
    return { n: cuts + found.length - 4, violations: found.flat() }
  },
}

/** The line to an honest intake, through a proxy. */
class NetworkLine {
  private constructor(
    readonly link: IntakeLink,
    readonly proxy: LineProxy,
    readonly line: DeliveryLine,
    private readonly clock: PatientClock,
  ) {}

  static async start(line: Line = {}): Promise<NetworkLine> {
    const clock = new PatientClock()
    const link = await IntakeLink.start({}, { clock, timeouts: TIMEOUTS })
    const proxy = await LineProxy.before(link.server)
    proxy.line = line
    const route = { host: INTAKE, port: proxy.port }
    return new NetworkLine(
      link,
      proxy,
      new DeliveryLine({ ...link.options, route }, NETWORK_OPTIONS),
      clock,
    )
  }

  get taken(): number {
    return this.link.server.messages.length
  }

  async close(): Promise<void> {
    this.line.close()
    this.clock.stop()
    await this.proxy.close()
    await this.link.close()
  }
}

/** Nothing listens on the port. */
async function refused(): Promise<string[]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return toNowhere('refused', port)
}

/** A listener that takes no more connections: its SYNs stay without an answer. */
async function swallowed(note: FaultContext['note']): Promise<string[]> {
  const hole = await startBlackHole({ host: '127.0.0.1', port: 0 })
  if (!hole.works) note('this system has no black hole')
  try {
    return hole.works ? await toNowhere('swallowed', hole.port) : []
  } finally {
    await hole.close()
  }
}

async function toNowhere(name: string, port: number): Promise<string[]> {
  const clock = new PatientClock()
  const overrides = { clock, timeouts: TIMEOUTS, route: { host: INTAKE, port } }
  const link = await IntakeLink.start({}, overrides)
  const line = new DeliveryLine(link.options, NETWORK_OPTIONS)
  try {
    return judged(name, await line.deliver('m1', copyOf(1_000)), 'hard-bounced', 2)
  } finally {
    line.close()
    clock.stop()
    await link.close()
  }
}

/** In a network namespace of its own, where not even the loopback is up. */
async function unreachable(): Promise<string[]> {
  const script = join(__dirname, 'unreachable-process.ts')
  const args = ['-n', process.execPath, '-r', TYPESCRIPT, script]
  const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  process.off('exit', killWithUs)
  // What Haraka's modules print when they are loaded stands before it.
  const last = text.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{'))
    return ['unreachable: the process without a network ended with nothing']
  const { ended, details } = JSON.parse(last) as Unreached
  const found = judged('unreachable', ended, 'hard-bounced', 2)
  const known = details.length > 0 && details.every((each) => each === 'unreachable')
  return known ? found : [...found, `unreachable: said to be ${details.join(', ')}`]
}

/** Every octet comes alone, both ways. */
async function dribbled(): Promise<string[]> {
  const network = await NetworkLine.start({ pieces: 1 })
  try {
    const ended = await network.line.deliver('m1', copyOf(20_000))
    return judged('octet by octet', ended, 'delivered', 1)
  } finally {
    await network.close()
  }
}

/** The connection ends, or leads nowhere, while nobody uses it. */
async function whileIdle(how: Cut): Promise<string[]> {
  const network = await NetworkLine.start()
  const { line, proxy } = network
  try {
    const before = judged('before', await line.deliver('m1', copyOf(1_000)), 'delivered', 1)
    proxy.cut(how)
    if (how !== 'silence') await sleep(100)
    // Of silence nobody can know before it was tried, but a connection that has taken a message is at fault.
    const after = await line.deliver('m2', copyOf(1_000))
    return [...before, ...judged(`${how} while idle`, after, 'delivered', 1)]
  } finally {
    await network.close()
  }
}

/** The first connection ends after so many octets, the next does not. */
async function cutAnywhere(dice: Dice, times: number): Promise<string[]> {
  const violations: string[] = []
  for (let time = 0; time < times; time++) {
    const how = dice.pick(['fin', 'rst', 'silence'] as const)
    const octets = dice.pick([1_000, 1_000, 100_000, LARGE])
    const after = dice.below(octets + 1_500)
    const network = await NetworkLine.start({ cut: { after, how } })
    const { line, proxy } = network
    try {
      const delivery = line.deliver('m1', copyOf(octets))
      while (proxy.captured.length === 0) await sleep(5)
      proxy.line = {}
      const { kind, attempts, age } = await delivery
      const name = `${how} after ${after} of ${octets} octets`
      // Cut in the handshake it is a TLS error, which is not tried again.
      const handshake = after < HANDSHAKE && kind === 'tls-error' && attempts === 1
      if (kind !== 'delivered' && !handshake) violations.push(`${name}: ${kind}`)
      if (attempts > 2) violations.push(`${name}: ${attempts} attempts`)
      if (network.taken > 2) violations.push(`${name}: ${network.taken} copies`)
      if (age > NETWORK_OPTIONS.maxAge + TICK) violations.push(`${name}: ${age} ms old`)
      if (line.mistakes.length > 0) violations.push(`${name}: ${String(line.mistakes[0])}`)
    } finally {
      await network.close()
    }
  }
  return violations
}

/** Octets from the client until its handshake is over, at most. */
const HANDSHAKE = 1_500

function judged(name: string, ended: Ended, end: Ended['kind'], attempts: number): string[] {
  const is = `${ended.kind} after ${ended.attempts} attempts`
  const should = `${end} after ${attempts} attempts`
  const found = is === should ? [] : [`${name}: ${is}, should be ${should}`]
  const old = ended.age > NETWORK_OPTIONS.maxAge + TICK
  return old ? [...found, `${name}: ${ended.age} ms old`] : found
}

function copyOf(octets: number): Buffer {
  const line = 'A line of the copy, as long as lines are.\r\n'
  return Buffer.from('Subject: copy\r\n\r\n' + line.repeat(Math.ceil(octets / line.length)))
}
