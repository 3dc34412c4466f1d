import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import type { TlsResult } from '../monitor/tls-counters'
import { isFinal } from './dns-failure'
import type { Fetched, StsFetch } from './sts-fetch'
import { parseStsPolicy, type StsPolicy } from './sts-policy'
import { stsIdOf } from './sts-record'
import type { TxtLookup } from './txt-lookup'

export interface StsDeps {
  readonly txt: TxtLookup
  readonly fetch: StsFetch
  readonly clock: Clock
  /** What is told of a domain is counted for it. */
  readonly reportOf: (domain: string) => Report
}

const MINUTE = 60_000

/** How often the record is looked at: its id tells of a new policy (RFC 8461 section 3.1). */
const LOOK_EVERY = 60 * MINUTE

/** RFC 8461 section 3.3: no earlier than that after a failure. */
const LOOK_AGAIN = 5 * MINUTE

/** The longest that a connection waits for the first look at a domain. */
const LONGEST_WAIT = 5_000

/** Moments are monotonic milliseconds. */
interface Kept {
  readonly policy: StsPolicy
  readonly id: string
  readonly fetched: number
}

type Found =
  | { kind: 'policy'; kept: Kept }
  /** The domain announces none; one that is kept lives on (RFC 8461 section 5.1). */
  | { kind: 'none' }
  | { kind: 'failed'; reason: TlsResult; text: string }
  /** Nothing is known of the domain now. */
  | { kind: 'unknown' }

/** The policy of one domain: looked for at its first connection, and again before it ends. */
export class StsDomain {
  private kept: Kept | undefined
  private nextLook = -Infinity
  private looking: { readonly done: Promise<void>; readonly began: number } | undefined
  /** Nobody knows whether there is a policy: never looked, or the last one has ended. */
  private open = true

  constructor(
    private readonly domain: string,
    private readonly deps: StsDeps,
  ) {}

  async policy(): Promise<StsPolicy | undefined> {
    this.forgetEnded()
    if (!this.looking && this.now >= this.nextLook) {
      const done = this.look()
        // What throws there would be a mistake; it must not keep the copies, nor end the process.
        .catch(() => void (this.nextLook = this.now + LOOK_AGAIN))
        .finally(() => (this.looking = undefined))
      this.looking = { done, began: this.now }
    }
    if (this.open && this.looking) {
      await this.within(this.looking.began + LONGEST_WAIT, this.looking.done)
    }
    return this.kept?.policy
  }

  private get now(): number {
    return this.deps.clock.monotonic()
  }

  private forgetEnded(): void {
    if (!this.kept || this.now < this.kept.fetched + this.kept.policy.maxAge) return
    this.kept = undefined
    this.open = true
  }

  private async look(): Promise<void> {
    const found = await this.find()
    this.forgetEnded()
    this.open = false
    this.nextLook = this.now + LOOK_EVERY
    switch (found.kind) {
      case 'policy':
        this.take(found.kept)
        return
      case 'failed': {
        const { reason, text } = found
        const kept = this.kept !== undefined
        this.deps.reportOf(this.domain)({
          kind: 'sts-failed',
          domain: this.domain,
          reason,
          text,
          kept,
        })
        this.nextLook = this.now + LOOK_AGAIN
        return
      }
      case 'unknown':
        this.nextLook = this.now + LOOK_AGAIN
        return
      case 'none':
    }
  }

  private take(kept: Kept): void {
    const news = kept.id !== this.kept?.id
    this.kept = kept
    const { mode, mx, maxAge } = kept.policy
    // Before it ends there is time for several looks, unless it is very short.
    this.nextLook = this.now + Math.max(LOOK_AGAIN, Math.min(LOOK_EVERY, maxAge / 4))
    if (!news) return
    const { domain } = this
    this.deps.reportOf(this.domain)({
      kind: 'sts-policy',
      domain,
      mode,
      mx,
      seconds: maxAge / 1000,
    })
  }

  /** Never rejects. */
  private async find(): Promise<Found> {
    let id: string | undefined
    try {
      id = stsIdOf(await this.deps.txt(`_mta-sts.${this.domain}`))
    } catch (error) {
      if (isFinal(error)) return { kind: 'none' }
      // Of a domain that never had a policy this is no news: most have none.
      return this.kept
        ? failed('sts-policy-fetch-error', 'the TXT record cannot be looked up')
        : { kind: 'unknown' }
    }
    if (id === undefined) return { kind: 'none' }
    if (this.kept && this.kept.id === id && this.isYoung(this.kept)) {
      return { kind: 'policy', kept: this.kept }
    }
    return this.fetched(id)
  }

  private isYoung({ fetched, policy }: Kept): boolean {
    return this.now < fetched + policy.maxAge / 2
  }

  private async fetched(id: string): Promise<Found> {
    // What throws here would be a mistake; it must not keep the copies.
    const answer = await this.deps.fetch(this.domain).catch((error: unknown) => mistake(error))
    if (answer.kind === 'failed') return answer
    const parsed = parseStsPolicy(answer.text)
    if (parsed.kind === 'invalid') return failed('sts-policy-invalid', parsed.why)
    return { kind: 'policy', kept: { policy: parsed.policy, id, fetched: this.now } }
  }

  private within(end: number, done: Promise<void>): Promise<void> {
    const left = end - this.now
    if (left <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.deps.clock.after(left, resolve)
      const isDone = () => {
        timer.cancel()
        resolve()
      }
      done.then(isDone, isDone)
    })
  }
}

function mistake(error: unknown): Fetched {
  return { kind: 'failed', reason: 'sts-policy-fetch-error', text: String(error) }
}

function failed(reason: TlsResult, text: string): Found {
  return { kind: 'failed', reason, text }
}
