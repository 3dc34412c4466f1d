import type { benchMessage } from './message'

/** Where to, and with what; the same for everybody who is compared. */
export interface Target {
  readonly host: string
  readonly port: number
  /** PEM of the root that signed the intake's certificate. */
  readonly ca: string
  readonly connections: number
  readonly messagesPerConnection: number
  /** Messages on their way over one connection; the default of `[delivery] window`. */
  readonly window?: number
}

/** A client that delivers over TLS with connections of its own. */
export interface Sending {
  /** Resolves at the intake's 250, rejects at everything else. */
  send(message: ReturnType<typeof benchMessage>): Promise<void>
  close(): Promise<void>
}
