import { join } from 'node:path'
import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import { ControlSocket } from './control-socket'
import type { Gathered } from './gathered'

/** Name of the socket in the server directory, beside `config/`. */
export const SOCKET_NAME = 'tdc.sock'

/** Milliseconds until the socket is asked for again: a server that ends frees it soon. */
const FIRST_AGAIN = 1_000
const AGAIN = 10_000

export function socketPath(serverDirectory: string): string {
  return join(serverDirectory, SOCKET_NAME)
}

/**
 * Keeps the control socket of one server open, in its only process or in the master. When it cannot
 * be made there is one line, and mail goes on.
 */
export class Control {
  private readonly socket: ControlSocket
  private readonly path: string
  private tries = 0
  private over = false

  constructor(
    serverDirectory: string,
    gathered: Gathered,
    private readonly clock: Clock,
    private readonly report: Report,
  ) {
    this.path = socketPath(serverDirectory)
    this.socket = new ControlSocket(this.path, (request) => gathered.answer(request), clock)
  }

  open(): void {
    this.opened().catch(mistakeIn('the control socket', this.report))
  }

  private async opened(): Promise<void> {
    if (this.over) return
    const opened = await this.socket.open()
    if (this.over) this.socket.close()
    if (this.over || opened.kind === 'open') return
    if (opened.kind === 'failed') return this.warn(opened.why)
    this.tries++
    if (this.tries === 2) this.warn('another Haraka with this directory answers there')
    this.clock.after(this.tries === 1 ? FIRST_AGAIN : AGAIN, () => this.open())
  }

  close(): void {
    this.over = true
    this.socket.close()
  }

  private warn(why: string): void {
    const text = `no control socket ${this.path}: ${why}; haraka-tdc cannot reach this server`
    this.report({ kind: 'warning', text })
  }
}
