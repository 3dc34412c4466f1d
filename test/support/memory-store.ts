import type { Store, StoredReport, StoredReports } from '../../plugins/tdc/cluster/redis-store'
import { HEAD_OCTETS } from '../../plugins/tdc/cluster/shared-document'

/** What Redis would hold, for machines of one process; it can be out of order. */
export class MemoryStore implements Store {
  /** The shared settings as they are stored; '' is none. */
  text = ''
  now = 1_000_000
  /** `away` rejects, `silent` never answers. */
  mood: 'well' | 'away' | 'silent' = 'well'
  /** Questions of any kind. */
  asked = 0
  readonly kept = new Map<string, { at: number; text: string | null }>()

  head(): Promise<string> {
    return this.answer(() => this.text.slice(0, HEAD_OCTETS))
  }

  document(): Promise<string> {
    return this.answer(() => this.text)
  }

  swap(expected: string, text: string): Promise<boolean> {
    return this.answer(() => {
      if (this.text !== expected) return false
      this.text = text
      return true
    })
  }

  report(machine: string, text: string): Promise<string> {
    return this.answer(() => {
      const before = this.kept.get(machine)?.text ?? ''
      this.kept.set(machine, { at: this.now, text })
      return before.slice(0, 100)
    })
  }

  reports(): Promise<StoredReports> {
    return this.answer(() => {
      const reports = [...this.kept].map(([machine, kept]): StoredReport => ({ machine, ...kept }))
      return { now: this.now, reports }
    })
  }

  private answer<T>(value: () => T): Promise<T> {
    this.asked++
    switch (this.mood) {
      case 'well':
        return Promise.resolve().then(value)
      case 'away':
        return Promise.reject(new Error('connect ECONNREFUSED'))
      case 'silent':
        return new Promise(() => {})
    }
  }
}
