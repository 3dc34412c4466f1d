import { join } from 'node:path'
import { Program } from './program'

export interface DelayOptions {
  /** Whom to stand before; the delay listens on the same loopback address. */
  readonly host: string
  readonly port: number
  /** Each way. */
  readonly milliseconds: number
}

/** A long line to a near server: a TCP proxy, in a process of its own, that holds everything up. */
export interface Delay {
  readonly port: number
  close(): Promise<void>
}

export async function startDelay(options: DelayOptions): Promise<Delay> {
  const program = new Program(join(__dirname, 'delay-process.ts'))
  try {
    return { port: await program.ask<number>(options), close: () => program.end() }
  } catch (error) {
    await program.end()
    throw error
  }
}
