import { connect, type Socket } from 'node:net'
import type { Clock } from '../clock'
import { GIVEN_UP, type Loss, lossOf, TIMED_OUT } from './loss'

export interface DialOptions {
  readonly address: string
  readonly port: number
  /** Local address to connect from; undefined: the system's choice. */
  readonly localAddress: string | undefined
  readonly timeout: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

export type Dialled = { kind: 'connected'; socket: Socket } | { kind: 'failed'; failure: Loss }

/** Opens one TCP connection to an address, under its own timer. `signal` gives up. */
export function dial(options: DialOptions): Promise<Dialled> {
  const { address, port, localAddress, timeout, clock, signal } = options
  if (signal.aborted) return Promise.resolve({ kind: 'failed', failure: GIVEN_UP })
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      // Commands are short and each waits for its reply: Nagle's algorithm would only delay them.
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    const finish = (result: Dialled): void => {
      timer.cancel()
      socket.off('connect', onConnect).off('error', onError)
      signal.removeEventListener('abort', onAbort)
      if (result.kind === 'failed') socket.destroy()
      resolve(result)
    }
    const onConnect = (): void => finish({ kind: 'connected', socket })
    const onError = (error: Error): void => finish({ kind: 'failed', failure: lossOf(error) })
    const onAbort = (): void => finish({ kind: 'failed', failure: GIVEN_UP })
    const timer = clock.after(timeout, () => finish({ kind: 'failed', failure: TIMED_OUT }))
    // Stays until the socket is gone: an error between two owners must not reach the process.
    socket.on('error', ignore)
    socket.on('connect', onConnect).on('error', onError)
    signal.addEventListener('abort', onAbort)
  })
}

function ignore(): void {}
