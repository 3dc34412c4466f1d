import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import { ControlSocket } from './control-socket'
import type { Gathered } from './gathered'

/** Name of the socket in the server directory, beside `config/`. */
const SOCKET_NAME = 'tdc.sock'

/** Milliseconds until the socket is asked for again: a server that ends frees it soon. */
const FIRST_AGAIN = 1_000
const AGAIN = 10_000

/** The user that Haraka became may not write there. */
const REFUSALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS'])

/** What cannot be looked at is not known to be lost. */
function isLost(socket: ControlSocket): boolean {
  try {
    return socket.isLost
  } catch {
    return false
  }
}

export function socketPath(folder: string): string {
  return join(folder, SOCKET_NAME)
}

/**
 * Keeps the control socket of one server open, in its only process or in the master: in the first of
 * `folders` in which it may be made. When it cannot be made there is one line, and mail goes on.
 */
export class Control {
  private readonly sockets: readonly ControlSocket[]
  private tries = 0
  private over = false

  constructor(
    private readonly folders: readonly string[],
    gathered: Gathered,
    private readonly clock: Clock,
    private readonly report: Report,
  ) {
    this.sockets = folders.map(
      (folder) =>
        new ControlSocket(socketPath(folder), (request) => gathered.answer(request), clock),
    )
  }

  open(): void {
    this.opened().catch(mistakeIn('the control socket', this.report))
  }

  private async opened(): Promise<void> {
    const failures: string[] = []
    for (const [at, socket] of this.sockets.entries()) {
      if (this.over) return
      // The server directory is there; beside the queue this may be the first file of ours.
      if (at > 0) await mkdir(this.folders[at] ?? '', { mode: 0o700 }).catch(() => {})
      const opened = await socket.open()
      if (this.over) socket.close()
      if (this.over) return
      if (opened.kind === 'open') return this.watch(socket, socketPath(this.folders[at] ?? ''))
      const path = socketPath(this.folders[at] ?? '')
      if (opened.kind === 'taken') return this.wait(path)
      failures.push(`${path}: ${opened.why}`)
      if (!REFUSALS.has(opened.why)) break
    }
    this.warn(failures.join('; '))
  }

  close(): void {
    this.over = true
    for (const socket of this.sockets) socket.close()
  }

  /** Programs that clean directories up take sockets away that nobody has written to. */
  private watch(socket: ControlSocket, path: string): void {
    this.clock.after(AGAIN, () => {
      if (this.over) return
      if (!isLost(socket)) return this.watch(socket, path)
      socket.close()
      this.report({ kind: 'warning', text: `the control socket ${path} was taken away: made anew` })
      this.open()
    })
  }

  private wait(path: string): void {
    this.tries++
    if (this.tries === 2) this.warn(`${path}: another Haraka with this directory answers there`)
    this.clock.after(this.tries === 1 ? FIRST_AGAIN : AGAIN, () => this.open())
  }

  private warn(why: string): void {
    const text = `no control socket ${why}; haraka-tdc cannot reach this server`
    this.report({ kind: 'warning', text })
  }
}
