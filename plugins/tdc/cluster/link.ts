import { LIMITS, bounded } from '../base/text'
import type { Clock } from '../clock'
import type { Store } from './store'

export interface Connection {
  readonly store: Store
  close(): void
}

export type Asked<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'away'; readonly why: string }

/** Milliseconds for one question, a new connection included. */
export const ANSWER_TIME = 3_000

/**
 * The way to Redis. A question that fails, or has no answer in time, ends the connection, so that
 * no late reply is taken for another's; the next question opens a new one. Nothing is queued.
 */
export class Link {
  private connection: Connection | undefined
  private opening: Promise<Connection> | undefined
  private over = false

  constructor(
    private readonly open: () => Promise<Connection>,
    private readonly clock: Clock,
  ) {}

  async ask<T>(work: (store: Store) => Promise<T>): Promise<Asked<T>> {
    if (this.over) return { kind: 'away', why: 'the server ends' }
    try {
      return {
        kind: 'ok',
        value: await this.inTime(this.connected().then(({ store }) => work(store))),
      }
    } catch (error) {
      this.drop()
      const why = error instanceof Error ? error.message : String(error)
      return { kind: 'away', why: bounded(why, LIMITS.sentence) }
    }
  }

  /** Until the next question. */
  rest(): void {
    this.drop()
  }

  /** For good. */
  close(): void {
    this.over = true
    this.drop()
  }

  /** An opening that still hangs is joined by the next question; it never becomes two. */
  private async connected(): Promise<Connection> {
    if (this.connection) return this.connection
    this.opening ??= this.open().finally(() => (this.opening = undefined))
    const connection = await this.opening
    if (this.over) connection.close()
    else this.connection = connection
    return connection
  }

  private drop(): void {
    this.connection?.close()
    this.connection = undefined
  }

  private inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer in ${ANSWER_TIME / 1000} seconds`))
      const deadline = this.clock.after(ANSWER_TIME, late)
      work.then(resolve, reject).finally(() => deadline.cancel())
    })
  }
}
