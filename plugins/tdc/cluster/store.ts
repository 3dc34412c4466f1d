/** What a machine said last. */
export interface StoredReport {
  readonly machine: string
  /** Milliseconds since 1970 by Redis's clock, as `now`: those of the machines may differ. */
  readonly at: number
  /** Null: it is too long ago, or was left out. */
  readonly text: string | null
  /** Why it was left out. */
  readonly leftOut?: string
}

export interface StoredReports {
  readonly now: number
  readonly reports: readonly StoredReport[]
}

/** What is asked of Redis, and no more. Every method rejects when it cannot be had. */
export interface Store {
  /** The first octets of the shared settings; '' when there are none. */
  head(): Promise<string>
  /** All of them, cut behind the longest that can be meant. */
  document(): Promise<string>
  /** Writes them if `expected` is what is there. */
  swap(expected: string, text: string): Promise<boolean>
  /** What this machine has to say; resolves with the first octets of what it takes the place of. */
  report(machine: string, text: string): Promise<string>
  reports(): Promise<StoredReports>
}
