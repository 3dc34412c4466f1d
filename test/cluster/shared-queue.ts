import { setTimeout as sleep } from 'node:timers/promises'
import { MailPath } from '../support/mail-path'
import { delaysOf, delaysText } from './figures'
import { compare } from './ledgers'
import { Machine } from './machines'
import { RedisServer } from './redis-server'
import { Traffic } from './traffic'

/** Milliseconds from the end of a machine until all that it had accepted has its copy: that is promised. */
const OUTLIVED = 30_000
const LOADED = 3_000
/** Clients of each machine: some 100 mails a second together. */
const CLIENTS = 4

interface Demands {
  say(text: string): void
  demand(holds: boolean, what: string): void
  /** The milliseconds until it was so. */
  until(
    what: string,
    milliseconds: number,
    look: () => Promise<string | undefined>,
  ): Promise<number>
}

/** Three servers whose copies are in one Redis: machines are lost with their disks, and Redis with its memory. */
export async function queueOutlives(
  rounds: number,
  { say, demand, until }: Demands,
): Promise<void> {
  const [redis, replica] = [await RedisServer.start(), await RedisServer.start()]
  const follow = (one: RedisServer, other: RedisServer) =>
    one.command('REPLICAOF', '127.0.0.1', String(other.port))
  await follow(replica, redis)
  const options = (name: string) => ({
    sections: ['[queue]', 'store=redis', 'replicas=1', '[cluster]', `machine=${name}`],
    config: { 'redis.ini': redis.ini },
  })
  const path = await MailPath.start(options('mx1'))
  const started = async (name: string) => {
    const server = await path.makeGateway({ ...options(name), nodes: name === 'mx2' ? 2 : 0 })
    await server.start()
    return new Machine(name, server)
  }
  const machines = [new Machine('mx1', path.haraka), await started('mx2'), await started('mx3')]
  const traffic = new Traffic()
  /** Copies that were on their way when their machine ended, or when it could not know. */
  const mayBeTwice = new Set<string>()
  const load = () => traffic.start(machines.flatMap((each) => Array<Machine>(CLIENTS).fill(each)))
  const streams = async () => (await redis.command('KEYS', 'tdc:queue:mx*')).split('\n').length
  const hold = (held: readonly Machine[], command: 'hold' | 'release') =>
    Promise.all(
      held.map(async ({ name, server }) => {
        const { code, out, err } = await server.tdc(command)
        demand(code === 0, `${command} on ${name}: ${out}${err}`)
      }),
    )
  const complete = async () => {
    const { violations } = compare(path, traffic.sent, ({ subject }) => mayBeTwice.has(subject))
    return violations.length === 0 ? undefined : violations.join('; ')
  }
  /** All processes have their copies there, and in the replica: what is on a machine's own disk goes with it. */
  const inStep = (what: string) =>
    until(what, OUTLIVED, async () => {
      for (const { name, server } of machines) {
        const { out } = await server.tdc('status', '--json')
        const { storeAway } = JSON.parse(out) as { storeAway: { why: string } | null }
        if (storeAway) return `${name}: ${storeAway.why}`
      }
      const found = await streams()
      return found >= 4 ? undefined : `${found} processes`
    })
  try {
    await inStep('all are in Redis')
    for (let round = 1; round <= rounds; round++) {
      const [, second] = machines as [Machine, Machine]
      const isHeld = round % 2 === 1
      if (isHeld) await hold([second], 'hold')
      const before = traffic.sent.length
      load()
      await sleep(LOADED)
      await second.server.remove()
      await traffic.stop()
      const its = traffic.sent.slice(before).filter(({ machine }) => machine === 'mx2')
      // What waits is sent once; what was with the intake at that moment may come twice.
      for (const { subject } of isHeld ? [] : its) mayBeTwice.add(subject)
      const accepted = its.filter(({ told }) => told === 'accepted').length
      const took = await until('what mx2 had accepted', OUTLIVED, complete)
      const how = isHeld ? 'its copies waiting' : 'its copies on their way'
      say(
        `mx2 killed and its directory removed, ${how}: ${accepted} mails accepted, all copies there after ${Math.round(took / 1000)} s`,
      )
      demand(accepted > LOADED / 100, `mx2 took only ${accepted} mails`)
      machines[1] = await started('mx2')
      await inStep('mx2 is in Redis again')
    }
    await hold(machines, 'hold')
    load()
    await sleep(LOADED)
    await redis.kill9()
    await sleep(LOADED)
    await redis.start()
    await sleep(LOADED)
    await traffic.stop()
    await hold(machines, 'release')
    const took = await until('Redis killed -9, and back with nothing in it', OUTLIVED, complete)
    say(
      `Redis killed -9, and back with nothing in it: all copies there after ${Math.round(took / 1000)} s`,
    )
    await inStep('all are in Redis again')
    const [, second] = machines as [Machine, Machine]
    await hold(machines, 'hold')
    const before = traffic.sent.length
    load()
    await sleep(LOADED)
    // Both at once: what a client was told is in the replica.
    await Promise.all([redis.kill9(), second.server.remove()])
    await traffic.stop()
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await redis.start()
    await follow(redis, replica)
    const rest = machines.filter((each) => each !== second)
    for (const { server } of rest) server.writeConfig('redis.ini', replica.ini)
    await hold(rest, 'release')
    const its = traffic.sent.slice(before).filter(({ machine }) => machine === 'mx2')
    const lasted = await until('Redis killed -9 with mx2, its replica promoted', OUTLIVED, complete)
    say(
      `Redis and mx2 killed -9 together, its replica promoted: ${its.length} mails of mx2, all copies there after ${Math.round(lasted / 1000)} s`,
    )
    const { accepted, copies, twice } = compare(path, traffic.sent, () => true)
    say(`ledgers: ${accepted} mails accepted, ${copies} copies, ${twice} twice`)
    say(`delays: ${delaysText(delaysOf(traffic.sent))}`)
    for (const { name, server } of machines) {
      const told = server.log.filter((line) => /Copies are written to/.test(line))
      demand(
        told.length <= 8,
        `${name} has more than a line for each begin and end: ${told.join('\n')}`,
      )
    }
  } finally {
    await Promise.all(machines.map(({ server }) => server.remove()))
    await Promise.all([path.close(), redis.close(), replica.close()])
  }
}
