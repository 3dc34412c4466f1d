import { join } from 'node:path'
import { Program } from './program'

/** What a courier brings to a gateway. */
export interface Load {
  readonly port: number
  readonly messages: number
  /** Octets of each message, headers included. */
  readonly size: number
  /** Connections at the same time. */
  readonly connections: number
  /** Messages over one connection; 1 is what MX traffic mostly is. */
  readonly perConnection: number
  /** MAIL, RCPT and DATA in one write. */
  readonly pipelining: boolean
  /** Milliseconds of rest of a connection before it is opened again. */
  readonly pause: number
  /** No message is ended before all of them are there but for the final dot. */
  readonly together: boolean
}

export interface Trip {
  /** From the first connection to the last reply. */
  readonly seconds: number
  /** Milliseconds from the final dot to the 250, one for each message. */
  readonly waits: readonly number[]
}

/**
 * Messages as incoming mail mostly is: a few KB, each over a connection of its own, ten at a time.
 * Command by command: to pipelined ones Haraka replies in small writes, of which each but the first
 * waits until the one before was acknowledged, for 40 ms in most cases.
 */
export const MX_TRAFFIC = {
  size: 4_096,
  connections: 10,
  perConnection: 1,
  pipelining: false,
  pause: 0,
  together: false,
}

/** A load generator in a process of its own, so that what it does is not measured. */
export class Courier {
  private readonly program = new Program(join(__dirname, 'courier-process.ts'))

  /** Fails unless every message was accepted. */
  bring(load: Load): Promise<Trip> {
    return this.program.ask<Trip>(load)
  }

  end(): Promise<void> {
    return this.program.end()
  }
}
