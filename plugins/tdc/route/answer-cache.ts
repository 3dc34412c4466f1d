import type { Clock } from '../clock'
import { isFinal } from './dns-failure'

/** `ttl` in milliseconds; 0: for those who ask meanwhile only (RFC 1035 section 3.2.1). */
export interface CachedAnswer<T> {
  readonly value: T
  readonly ttl: number
  /** A part of it could not be found out: it does not take the place of an older, whole answer. */
  readonly partial?: true
}

/** Longest time that an answer is taken for fresh: a wrong TTL of a week must not last one. */
const LONGEST_TTL = 3_600_000

/**
 * How long "there is no such record" is believed. RFC 2308 section 5 takes that from the SOA record,
 * which Node does not show; half a minute is less than zones say and ends before a copy does.
 */
const ABSENT_FOR = 30_000

/**
 * How long a failure that may heal stands for the next one who asks. It keeps openings that begin
 * together from asking one after the other; the pauses between openings (backoff.ts) do the rest,
 * and more would keep the intake from being found within 5 s.
 */
const FAILED_FOR = 1_000

/** RFC 8767 section 5 on answers that are too old while the DNS is down: 1 to 3 days. */
const STALE_FOR = 86_400_000

/** RFC 8767 section 5: how long to wait for the DNS when such an answer is at hand. */
const STALE_AFTER = 1_800

/** RFC 8767 section 5: how often the DNS is asked meanwhile. */
const STALE_RECHECK = 30_000

/** Names of one kind that are remembered: an intake domain has ten hosts at the most (mx.ts). */
const MOST = 500

/** Good until `end`; after it, where the DNS does not answer, until `stale`. */
interface Value<T> {
  readonly kind: 'value'
  readonly value: T
  readonly end: number
  readonly stale: number
}

type Known<T> = Value<T> | { kind: 'failure'; error: unknown; end: number }

/**
 * The answers to one kind of DNS question, each kept as long as it says. Equal questions that are
 * asked at the same time are one.
 */
export class AnswerCache<T> {
  private readonly known = new Map<string, Known<T>>()
  private readonly asking = new Map<string, Promise<T>>()

  constructor(
    private readonly ask: (name: string) => Promise<CachedAnswer<T>>,
    private readonly clock: Clock,
  ) {}

  /** Rejects with the error of the question that failed, or failed lately. */
  get(name: string): Promise<T> {
    const now = this.clock.monotonic()
    const known = this.known.get(name)
    if (known && now < known.end) return said(known)
    const answer = this.asking.get(name) ?? this.question(name)
    const old = this.oldAnswer(name, now)
    return old ? this.unlessSilent(answer, old.value) : answer
  }

  private question(name: string): Promise<T> {
    const answer = this.ask(name)
      .then(
        (found) => this.answered(name, found),
        (error: unknown) => this.failed(name, error),
      )
      .finally(() => this.asking.delete(name))
    this.asking.set(name, answer)
    return answer
  }

  private answered(name: string, { value, ttl, partial }: CachedAnswer<T>): T {
    const now = this.clock.monotonic()
    if (partial && this.oldAnswer(name, now)) return value
    const end = now + Math.min(ttl, LONGEST_TTL)
    this.remember(name, { kind: 'value', value, end, stale: end + STALE_FOR })
    return value
  }

  private failed(name: string, error: unknown): T {
    const now = this.clock.monotonic()
    const old = this.oldAnswer(name, now)
    if (!isFinal(error) && old) {
      this.remember(name, { ...old, end: now + STALE_RECHECK })
      return old.value
    }
    const end = now + (isFinal(error) ? ABSENT_FOR : FAILED_FOR)
    this.remember(name, { kind: 'failure', error, end })
    throw error
  }

  /** An answer that may be used where the DNS is down. */
  private oldAnswer(name: string, now: number): Value<T> | undefined {
    const known = this.known.get(name)
    return known?.kind === 'value' && now < known.stale ? known : undefined
  }

  /** The answer, or `old` when it is not there in time; it is remembered all the same. */
  private unlessSilent(answer: Promise<T>, old: T): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(STALE_AFTER, () => resolve(old))
      answer.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  private remember(name: string, known: Known<T>): void {
    this.known.delete(name)
    this.known.set(name, known)
    const [oldest] = this.known.keys()
    if (this.known.size > MOST && oldest !== undefined) this.known.delete(oldest)
  }
}

function said<T>(known: Known<T>): Promise<T> {
  return known.kind === 'value' ? Promise.resolve(known.value) : Promise.reject(known.error)
}
