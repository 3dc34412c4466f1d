import { setTimeout as sleep } from 'node:timers/promises'
import { MailPath } from '../support/mail-path'
import { delaysOf, delaysText } from './figures'
import { Ledgers } from './ledgers'
import { Machine } from './machines'
import { Traffic } from './traffic'
import { WatchedRedis } from './watched-redis'

/** Milliseconds from the end of a machine until all that it had accepted has its copy: that is promised. */
const OUTLIVED = 30_000
const LOADED = 3_000
/** Clients of each machine: 100 mails a second together. */
const CLIENTS = 4
/** Mails that a machine accepts in that time, however busy it is. */
const FEWEST = 3
const NAMES = ['mx1', 'mx2', 'mx3']
/** Rounds whose mails are looked at again: what is doubled later is found at the end. */
const RECENT = 2

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

/**
 * Three servers whose copies are in one Redis, with two replicas and three Sentinels: in each round a machine is lost
 * with its disk, and the primary is killed. `isLong`: nothing but rounds.
 */
export async function queueOutlives(
  rounds: number,
  isLong: boolean,
  demands: Demands,
): Promise<void> {
  const trial = await Trial.start(demands)
  try {
    await trial.inStep('all are in Redis')
    for (let round = 1; round <= rounds; round++) {
      await trial.machineDies(round)
      await trial.primaryDies(round)
    }
    if (!isLong) {
      await trial.allOfRedisDies()
      await trial.primaryDiesWithMachine()
    }
    trial.sum(rounds)
  } finally {
    await trial.close()
  }
}

class Trial {
  private readonly traffic = new Traffic()
  private readonly ledgers: Ledgers
  private readonly machines: Machine[] = []
  /** Copies that were on their way when their machine ended, or when it could not know. */
  private readonly mayBeTwice = new Set<string>()
  private readonly begins: number[] = []
  private readonly rates: number[] = []
  private slowest = { machine: 0, primary: 0 }
  private loadedAt = 0

  private constructor(
    private readonly demands: Demands,
    private readonly redis: WatchedRedis,
    private readonly path: MailPath,
  ) {
    this.ledgers = new Ledgers(path)
  }

  static async start(demands: Demands): Promise<Trial> {
    const redis = await WatchedRedis.start(2)
    const path = await MailPath.start(optionsOf('mx1', redis))
    const trial = new Trial(demands, redis, path)
    trial.machines.push(new Machine('mx1', path.haraka))
    for (const name of NAMES.slice(1)) trial.machines.push(await trial.started(name))
    return trial
  }

  /** All processes have their copies there, and in a replica: what is on a machine's own disk goes with it. */
  async inStep(what: string): Promise<void> {
    await this.demands.until(what, OUTLIVED, async () => {
      for (const { name, server } of this.machines) {
        const { out } = await server.tdc('status', '--json')
        const { storeAway } = JSON.parse(out) as { storeAway: { why: string } | null }
        if (storeAway) return `${name}: ${storeAway.why}`
      }
      const primary = await this.redis.primary()
      const found = (await primary.command('KEYS', 'tdc:queue:mx*')).split('\n').length
      return found >= NAMES.length + 1 ? undefined : `${found} processes`
    })
  }

  async machineDies(round: number): Promise<void> {
    const { demand, say } = this.demands
    const at = round % NAMES.length
    const dying = this.machines[at] as Machine
    const isHeld = round % 2 === 1
    if (isHeld) await this.command([dying], 'hold')
    this.load()
    await sleep(LOADED)
    await dying.server.remove()
    await this.unload()
    const its = this.traffic.sent
      .slice(this.begins.at(-1))
      .filter(({ machine }) => machine === dying.name)
    // What waits is sent once; what was with the intake at that moment may come twice.
    for (const { subject } of isHeld ? [] : its) this.mayBeTwice.add(subject)
    const accepted = its.filter(({ told }) => told === 'accepted').length
    const took = await this.complete(`what ${dying.name} had accepted`)
    this.slowest.machine = Math.max(this.slowest.machine, took)
    const how = isHeld ? 'its copies waiting' : 'its copies on their way'
    say(
      `${round}: ${dying.name} killed and its directory removed, ${how}: ${accepted} mails accepted, all copies there after ${seconds(took)}`,
    )
    demand(accepted >= FEWEST, `${dying.name} took only ${accepted} mails`)
    this.machines[at] = await this.started(dying.name)
    await this.inStep(`${dying.name} is in Redis again`)
  }

  async primaryDies(round: number): Promise<void> {
    const told = this.lines()
    this.load()
    await sleep(LOADED)
    await this.redis.failover()
    await sleep(LOADED)
    await this.unload()
    const took = await this.complete('the primary killed -9')
    this.slowest.primary = Math.max(this.slowest.primary, took)
    const mails = this.traffic.sent.length - (this.begins.at(-1) ?? 0)
    this.demands.say(
      `${round}: primary of Redis killed -9, a replica promoted: ${mails} mails, all copies there after ${seconds(took)}`,
    )
    await this.redis.whole()
    await this.inStep('all are in Redis again')
    // A begin and an end for each of four processes.
    const more = this.lines() - told
    this.demands.demand(more <= 8, `${more} lines about one failover`)
  }

  async allOfRedisDies(): Promise<void> {
    await this.command(this.machines, 'hold')
    this.load()
    await sleep(LOADED)
    await this.redis.kill9()
    await sleep(LOADED)
    await this.redis.whole()
    await sleep(LOADED)
    await this.unload()
    await this.command(this.machines, 'release')
    const took = await this.complete('Redis killed -9, and back with nothing in it')
    this.demands.say(
      `all of Redis killed -9, and back with nothing in it: all copies there after ${seconds(took)}`,
    )
    await this.inStep('all are in Redis again')
  }

  async primaryDiesWithMachine(): Promise<void> {
    const second = this.machines[1] as Machine
    await this.command(this.machines, 'hold')
    this.load()
    await sleep(LOADED)
    // Both at once: what a client was told is in a replica.
    await Promise.all([this.redis.failover(), second.server.remove()])
    await this.unload()
    const rest = this.machines.filter((each) => each !== second)
    await this.command(rest, 'release')
    const its = this.traffic.sent
      .slice(this.begins.at(-1))
      .filter(({ machine }) => machine === second.name)
    const took = await this.complete('the primary and mx2 killed -9 together')
    this.demands.say(
      `the primary of Redis and mx2 killed -9 together, a replica promoted: ${its.length} mails of mx2, all copies there after ${seconds(took)}`,
    )
  }

  sum(rounds: number): void {
    const { say, demand } = this.demands
    const { sent } = this.traffic
    const { accepted, copies, twice, violations } = this.compare(sent)
    for (const text of violations) demand(false, text)
    const { machine, primary } = this.slowest
    say(
      `${rounds} machines lost, ${rounds} primaries: copies there after at most ${seconds(machine)} and ${seconds(primary)}`,
    )
    say(`ledgers: ${accepted} mails accepted, ${copies} copies, ${twice} twice`)
    const sorted = [...this.rates].sort((one, other) => one - other)
    const [lowest = 0, median = 0] = [sorted[0], sorted[Math.floor(sorted.length / 2)]]
    say(`rate: ${Math.round(median)} mails a second, the lowest of a round ${Math.round(lowest)}`)
    say(`delays: ${delaysText(delaysOf(sent))}`)
  }

  async close(): Promise<void> {
    await Promise.all(this.machines.map(({ server }) => server.remove()))
    await Promise.all([this.path.close(), this.redis.close()])
  }

  private async started(name: string): Promise<Machine> {
    const server = await this.path.makeGateway({
      ...optionsOf(name, this.redis),
      nodes: name === 'mx2' ? 2 : 0,
    })
    await server.start()
    return new Machine(name, server)
  }

  private async command(held: readonly Machine[], word: 'hold' | 'release'): Promise<void> {
    for (const { name, server } of held) {
      const { code, out, err } = await server.tdc(word)
      this.demands.demand(code === 0, `${word} on ${name}: ${out}${err}`)
    }
  }

  private load(): void {
    // Counted already; of a thousand rounds they would fill the memory.
    this.path.mailbox.messages.clear()
    this.path.intake.copies.clear()
    this.begins.push(this.traffic.sent.length)
    this.loadedAt = performance.now()
    this.traffic.start(this.machines.flatMap((each) => Array<Machine>(CLIENTS).fill(each)))
  }

  private async unload(): Promise<void> {
    const lasted = performance.now() - this.loadedAt
    const mails = this.traffic.sent.length - (this.begins.at(-1) ?? 0)
    this.rates.push((mails * 1000) / lasted)
    await this.traffic.stop()
  }

  private complete(what: string): Promise<number> {
    return this.demands.until(what, OUTLIVED, async () => {
      const { violations } = this.compare(this.traffic.sent.slice(this.begins.at(-RECENT)))
      return violations.length === 0 ? undefined : violations.join('; ')
    })
  }

  private compare(sent: Traffic['sent']) {
    return this.ledgers.compare(sent, ({ subject }) => this.mayBeTwice.has(subject))
  }

  private lines(): number {
    const all = this.machines.flatMap(({ server }) => server.log)
    return all.filter((line) => /Copies are written to/.test(line)).length
  }
}

function optionsOf(machine: string, redis: WatchedRedis) {
  return {
    sections: ['[queue]', 'store=redis', 'replicas=1', '[cluster]', `machine=${machine}`],
    config: { 'redis.ini': redis.ini },
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`
}
