import type { FaultCase } from './case'
import { kill } from './r01-kill'
import { killAtSyscall } from './r02-kill-at-syscall'
import { killProcesses } from './r03-kill-processes'
import { writeOrder } from './r04-write-order'
import { hangUp, queueOkOnlyControl } from './r05-hang-up'
import { diskFull, sizeCheckControl } from './r07-disk-full'
import { damagedFiles } from './r08-damaged-files'
import { intakeMatrix } from './r09-intake-matrix'
import { network } from './r10-network'
import { slowIntake } from './r12-slow-intake'
import { resumptionControl, tlsMatrix } from './r13-tls-matrix'
import { clockJumps } from './r15-clock'
import { eventLoopStall, hookTimerControl } from './r16-event-loop-stall'
import { otherPlugins } from './r17-other-plugins'
import { exhaustion } from './r18-exhaustion'
import { configChaos } from './r20-config-chaos'

/** Every case, in the order in which they run. */
export const CASES: readonly FaultCase[] = [
  kill,
  killAtSyscall,
  killProcesses,
  writeOrder,
  hangUp,
  diskFull,
  damagedFiles,
  intakeMatrix,
  network,
  slowIntake,
  tlsMatrix,
  clockJumps,
  eventLoopStall,
  otherPlugins,
  exhaustion,
  configChaos,
]

/** Builds that are known to be wrong: each is a case without violations when it was caught. */
export const CONTROLS: readonly FaultCase[] = [
  queueOkOnlyControl,
  sizeCheckControl,
  resumptionControl,
  hookTimerControl,
]
