import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../clock'
import { sentence, send, writeHead } from './http-answer'

/** Browsers that one process keeps up to date. */
export const MOST_WATCHERS = 20

/** Milliseconds between two looks. */
const PACE = 1000

/** Octets that may wait for a browser; one that reads slower is let go. */
const MOST_UNREAD = 512 * 1024

/** Milliseconds after which a browser comes back when the stream was lost. */
const RETRY = 3000

interface Watcher {
  readonly response: ServerResponse
  readonly mayStay: () => boolean
}

/**
 * Keeps browsers up to date by server-sent events (HTML standard, section 9.2). However many there
 * are, one look a second is taken for all, and none while nobody watches.
 */
export class Watchers {
  private readonly all = new Set<Watcher>()
  private next: Timer | undefined
  private looking = false

  /** `look` is what all are told, as one line. */
  constructor(
    private readonly look: () => Promise<string>,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.all.size
  }

  /** `mayStay` is asked before each piece of news. */
  add(response: ServerResponse, mayStay: () => boolean): void {
    if (this.all.size >= MOST_WATCHERS) {
      const text = `${MOST_WATCHERS} pages are watching already.`
      return send(response, sentence(503, text, { 'Retry-After': '10' }))
    }
    const watcher = { response, mayStay }
    this.all.add(watcher)
    response.once('close', () => this.forget(watcher))
    response.on('error', () => this.forget(watcher))
    writeHead(response, 200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      // For nginx, which would hold the events back.
      'X-Accel-Buffering': 'no',
    })
    response.write(`retry: ${RETRY}\n\n`)
    this.soon(0)
  }

  /** The server ends. */
  close(): void {
    for (const { response } of this.all) response.end()
    this.all.clear()
    this.rest()
  }

  private soon(ms: number): void {
    if (this.looking) return
    this.next?.cancel()
    this.next = this.clock.after(ms, () => {
      this.tell().catch(() => this.soon(PACE))
    })
  }

  private async tell(): Promise<void> {
    this.looking = true
    // A look that fails is no news; the next one may be.
    const news = await this.look()
      .catch(() => undefined)
      .finally(() => (this.looking = false))
    for (const watcher of this.all) this.pass(watcher, news)
    if (this.all.size > 0) this.soon(PACE)
  }

  private pass(watcher: Watcher, news: string | undefined): void {
    const { response, mayStay } = watcher
    if (!mayStay()) {
      this.forget(watcher)
      response.end()
    } else if (response.writableLength > MOST_UNREAD) {
      this.forget(watcher)
      response.destroy()
    } else {
      response.write(news === undefined ? ':\n\n' : `data: ${news}\n\n`)
    }
  }

  private forget(watcher: Watcher): void {
    this.all.delete(watcher)
    if (this.all.size === 0) this.rest()
  }

  private rest(): void {
    this.next?.cancel()
    this.next = undefined
  }
}
