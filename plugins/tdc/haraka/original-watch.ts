import { type Handover, NextHop, OutboundQueue } from './handovers'
import { PieceSink } from './read-original'
import { type QueueWay, wayOf } from './queue-plugins'
import type { Connection, HookTurn, QueuePlugin, SmtpClient, Transaction } from './types'

/** What was seen of an original behind the connector's turn in `queue` (queue/fate.ts judges it). */
export interface Seen {
  readonly handovers: readonly Handover[]
  /** A plugin of which we know no more has read the original, or may still be about to. */
  readonly strangers: boolean
  /** Whose answer ended the hook; undefined: nobody's that we know. */
  readonly last: QueueWay | undefined
}

/** What the client was told of its message; `nothing`: it left before. */
export type Told = 'queued' | 'rejected' | 'deferred' | 'nothing'

/** Which parts of Haraka can be listened to; where one cannot, its plugins are strangers. */
export interface Ears {
  readonly coreFolder: string
  readonly nextHop: boolean
  readonly outbound: boolean
}

type Reading = { readonly turn: HookTurn | undefined; readonly inQueue: boolean }

const QUEUE_HOOKS: readonly unknown[] = ['queue', 'queue_outbound']

/**
 * Who has had one original in hands. Every reader goes through `message_stream.pipe`, which is
 * called as before; conversations with a next hop and core's outbound queue are told of by
 * `Watches`. What a reader gets, and when, is not changed.
 */
export class OriginalWatch {
  private readonly nextHops: NextHop[] = []
  private readonly queues: OutboundQueue[] = []
  private readonly readings: Reading[] = []
  private readonly hung = new Set<string>()
  private turns: readonly HookTurn[] = []

  constructor(private readonly ears: Ears) {}

  /** From now on readers of the message are noted. */
  listen(connection: Connection, { message_stream: stream }: Transaction): void {
    const pipe = stream.pipe
    const noted = (destination: object) => this.read(connection, destination)
    Object.defineProperty(stream, 'pipe', {
      configurable: true,
      writable: true,
      value(this: unknown, ...all: Parameters<typeof pipe>) {
        const result = pipe.apply(this as typeof stream, all)
        noted(all[0])
        return result
      },
    })
  }

  /** Our turn in `queue`: whose turns are to come? */
  queueBegins({ hooks_to_run: turns }: Connection): void {
    this.turns = Array.isArray(turns) ? [...(turns as HookTurn[])] : []
  }

  talksTo(client: SmtpClient, plugin: object): void {
    this.nextHops.push(new NextHop(plugin, client))
  }

  goesOut(): OutboundQueue {
    const queue = new OutboundQueue()
    this.queues.push(queue)
    return queue
  }

  /** The plugin of this name ran out of time; it may go on all the same. */
  timedOut(plugin: string): void {
    this.hung.add(plugin)
  }

  seen(told: Told): Seen {
    const begun = this.turns.filter(([, , cancel]) => typeof cancel === 'function')
    const last = begun.at(-1)
    const goesOn = (plugin: object) =>
      this.hung.has((plugin as QueuePlugin).name) || (told === 'nothing' && plugin === last?.[0])
    // Whose turn was still to come when the client left, has none.
    const mayGoOn = (plugin: object) =>
      goesOn(plugin) || (told === 'nothing' && !this.isToCome(plugin))
    return {
      handovers: [
        ...this.nextHops.map((hop) => hop.handover(mayGoOn(hop.plugin))),
        ...this.queues.map((queue) => queue.handover()),
      ],
      strangers:
        this.readings.some((reading) => this.isStrange(reading, begun, goesOn)) ||
        begun.some((turn) => goesOn(turn[0]) && this.mayStillRead(turn)),
      last: last && this.wayOf(last),
    }
  }

  private read(connection: Connection, destination: { readonly path?: unknown }): void {
    if (destination instanceof PieceSink) return
    if (this.nextHops.some((hop) => hop.owns(destination))) return
    const turn = connection.current_hook ?? undefined
    if (typeof destination.path === 'string' && this.queues.some((queue) => queue.isOpen)) return
    this.readings.push({ turn, inQueue: QUEUE_HOOKS.includes(connection.hook) })
  }

  /** Whether what it has read may have reached a mailbox without its having said so. */
  private isStrange(
    { turn, inQueue }: Reading,
    begun: readonly HookTurn[],
    goesOn: (plugin: object) => boolean,
  ): boolean {
    // A scanner reads too; a queue plugin may have read before it was its turn.
    if (!inQueue && !begun.some(([one]) => one === turn?.[0])) return false
    if (!turn) return true
    switch (this.wayOf(turn)) {
      case 'quarantine':
      case 'discard':
      case 'outbound':
        return false
      case 'program':
        return goesOn(turn[0])
      case 'next-hop':
      case 'own':
        return true
    }
  }

  private isToCome(plugin: object): boolean {
    const own = this.turns.filter(([one]) => one === plugin)
    return own.length > 0 && own.every(([, , cancel]) => typeof cancel !== 'function')
  }

  private mayStillRead(turn: HookTurn): boolean {
    const talks = this.nextHops.some((hop) => hop.plugin === turn[0])
    return this.wayOf(turn) === 'own' && !talks && this.queues.length === 0
  }

  private wayOf(turn: HookTurn): QueueWay {
    const way = wayOf(turn, this.ears.coreFolder)
    if (way === 'next-hop' && !this.ears.nextHop) return 'own'
    if (way === 'outbound' && !this.ears.outbound) return 'own'
    return way
  }
}
