import type { FaultCase } from './case'
import { killAtSyscall } from './r02-kill-at-syscall'
import { killProcesses } from './r03-kill-processes'
import { writeOrder } from './r04-write-order'
import { diskFull, sizeCheckControl } from './r07-disk-full'
import { damagedFiles } from './r08-damaged-files'
import { eventLoopStall, hookTimerControl } from './r16-event-loop-stall'

/** Every case, in the order in which they run. */
export const CASES: readonly FaultCase[] = [
  killAtSyscall,
  killProcesses,
  writeOrder,
  diskFull,
  damagedFiles,
  eventLoopStall,
]

/** Builds that are known to be wrong: each is a case without violations when it was caught. */
export const CONTROLS: readonly FaultCase[] = [sizeCheckControl, hookTimerControl]
