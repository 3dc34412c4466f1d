import type { Clock, Timer } from '../clock'
import type { Report } from './events'
import { type Finding, findingText, health, type Reason } from './health'
import type { Status } from './status'

/** Milliseconds between two looks. */
const EVERY = 10_000

/** What has lines of its own when it begins. */
const TOLD_ELSEWHERE: ReadonlySet<Reason> = new Set([
  'disabled',
  'settings-refused',
  'held',
  'certificate-ends',
  'redis-away',
])

/** Writes a line when a trouble begins and one when it is over, however many copies it costs. */
export class HealthWatch {
  private readonly begun = new Map<string, { readonly finding: Finding; readonly at: number }>()
  private timer: Timer | undefined
  private isOver = false

  /** `gather`: what all processes know. */
  constructor(
    private readonly gather: () => Promise<Status>,
    private readonly clock: Clock,
    private readonly report: Report,
  ) {}

  start(): void {
    this.timer = this.clock.after(EVERY, () => this.look())
  }

  stop(): void {
    this.isOver = true
    this.timer?.cancel()
  }

  private look(): void {
    const again = () => {
      if (!this.isOver) this.start()
    }
    // When nobody answers, whoever asks for the status is told.
    this.gather()
      .then((status) => this.tell(status))
      .then(again, again)
  }

  private tell(status: Status): void {
    const { findings } = health(status)
    const now = this.clock.monotonic()
    const told = findings.filter(({ reason }) => !TOLD_ELSEWHERE.has(reason))
    const present = new Map(told.map((finding) => [keyOf(finding), finding]))
    for (const [key, { finding, at }] of this.begun) {
      if (present.has(key)) continue
      this.begun.delete(key)
      const seconds = Math.max(0, Math.round((now - at) / 1000))
      this.report({ kind: 'trouble-over', what: nameOf(finding), seconds })
    }
    for (const [key, finding] of present) {
      if (this.begun.has(key)) continue
      this.begun.set(key, { finding, at: now })
      this.report({ kind: 'trouble', text: findingText(finding) })
    }
  }
}

function keyOf({ reason, domain }: Finding): string {
  return `${reason} ${domain ?? ''}`
}

function nameOf({ reason, domain }: Finding): string {
  return domain === null ? reason : `${domain} ${reason}`
}
