import type { Clock } from '../../clock'
import type { QueueDirectory } from '../../haraka/queue-directory'
import type { Report } from '../../monitor/events'
import { mistakeIn } from '../../monitor/mistake'
import type { Settings } from '../../settings/settings'
import type { QueueCopyFiles } from '../copy-files'
import type { Loader } from '../loader'
import { SHARED_IN_MEMORY, type MemoryBudget } from '../memory-budget'
import type { Scheduler } from '../scheduler'
import type { TakeIn } from './orphans'
import type { Redis } from './ways'
import { SharedStore } from './shared-store'

/** Milliseconds until a copy is looked at again that has come back before it was let go of. */
const LOOK_AGAIN = 1_000

/** The shared queue as this process has it: what comes from other machines, and what is theirs now. */
export function sharedQueue(deps: {
  readonly redis: Redis
  readonly settings: () => Settings
  readonly directory: QueueDirectory
  readonly memory: MemoryBudget
  readonly clock: Clock
  readonly report: Report
  readonly parts: () => {
    readonly scheduler: Scheduler
    readonly files: QueueCopyFiles
    readonly loader: Loader
  }
}): SharedStore {
  const { directory, memory, clock, report, settings, parts } = deps
  const takeIn: TakeIn = (found) => {
    const { scheduler, loader, files } = parts()
    const { copy: stored, content, head } = found
    // Of this process's former name, and another's by now.
    if (!store.has(stored)) return
    if (scheduler.has(head.mid)) {
      const there = scheduler.find(head.mid)?.copy.stored
      const isLeaving = there && there.store.shared?.has(there.copy) === false
      if (isLeaving) clock.after(LOOK_AGAIN, () => takeIn(found))
      else store.end(stored).catch(mistakeIn('the shared queue', report))
      return
    }
    const message = content.subarray(head.start)
    const isHeld = memory.take(message.length, SHARED_IN_MEMORY)
    if (!isHeld) delete stored.content
    const copy = loader.copyOf(stored.name, head, isHeld ? message : undefined)
    copy.stored = { store, copy: stored }
    copy.enqueuedAt = clock.monotonic() - ageOf(found.age)
    copy.failedAttempts = loader.attempts(found.attempts)
    loader.take(copy)
    // Redis has lost it meanwhile.
    if (!store.isCurrent(stored)) files.lingering.add(copy)
  }
  /** With downtime not counted a copy that nobody could send for its whole time has it again. */
  const ageOf = (age: number): number => {
    const { maxAge, maxAgeCountsDowntime } = settings().delivery
    return age < maxAge || maxAgeCountsDowntime ? age : 0
  }
  const lost = (how: 'taken' | 'gone') => {
    const { scheduler, files } = parts()
    for (const { copy } of scheduler.entries()) {
      const { stored, mid } = copy
      const shared = stored?.store === store ? store : undefined
      if (!stored || !shared || shared.isCurrent(stored.copy)) continue
      if (how === 'taken') scheduler.drop(mid)
      else files.lingering.add(copy)
    }
  }
  const store: SharedStore = new SharedStore({
    ...{ redis: deps.redis, clock, report, takeIn, lost },
    nameOf: (name) => directory.adoptedName(name),
    settings: () => {
      const { queue, cluster } = settings()
      const { prefix, machine } = cluster
      return { isWanted: queue.store === 'redis', replicas: queue.replicas, prefix, machine }
    },
  })
  return store
}
