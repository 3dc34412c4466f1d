import { join } from 'node:path'
import { within } from '../support/within'
import { Program } from './program'
import type { Target } from './sending'

export type SenderKind = 'pool' | 'nodemailer'

/** What the client's process is asked. */
export interface Order {
  readonly kind: SenderKind
  readonly target: Target
  /** Messages that are timed. */
  readonly count: number
  /** Messages before those, so that the connections stand already. */
  readonly warm: number
  /** Each is sent when the one before was taken, in place of all at once. */
  readonly oneByOne?: boolean
  /** Octets of a message's body. */
  readonly size?: number
}

export interface Sent {
  readonly seconds: number
  /** Processor time of the client. */
  readonly cpuSeconds: number
}

/** A client in a process of its own, so that it shares no thread with the intake. */
export interface Sender {
  send(count: number, warm?: number, how?: Pick<Order, 'oneByOne' | 'size'>): Promise<Sent>
  close(): Promise<void>
}

const DEADLINE = 60_000

export function makeSender(kind: SenderKind, target: Target): Sender {
  const program = new Program(join(__dirname, 'sender-process.ts'))
  return {
    send(count, warm = 0, how = {}) {
      const order: Order = { kind, target, count, warm, ...how }
      return within(DEADLINE, `${count} messages sent by ${kind}`, program.ask<Sent>(order))
    },
    close: () => program.end(),
  }
}
