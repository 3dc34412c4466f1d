import type { FaultCase } from './case'
import { kill } from './r01-kill'
import { killAtSyscall } from './r02-kill-at-syscall'
import { killProcesses } from './r03-kill-processes'
import { fsyncControl, powerLoss } from './r04-power-loss'
import { writeOrder } from './r04-write-order'
import { hangUp, queueOkOnlyControl } from './r05-hang-up'
import { queuePlugins } from './r06-queue-plugins'
import { diskFull, sizeCheckControl } from './r07-disk-full'
import { damagedFiles } from './r08-damaged-files'
import { intakeMatrix } from './r09-intake-matrix'
import { network } from './r10-network'
import { heldSlotsControl, outage } from './r11-outage'
import { outageOfGateway } from './r11-gateway'
import { replayAfterOutage } from './r11-replay'
import { slowIntake } from './r12-slow-intake'
import { resumptionControl, tlsMatrix } from './r13-tls-matrix'
import { dnsFaults } from './r14-dns'
import { clockJumps } from './r15-clock'
import { eventLoopStall, hookTimerControl } from './r16-event-loop-stall'
import { otherPlugins } from './r17-other-plugins'
import { exhaustion } from './r18-exhaustion'
import { soak } from './r19-soak'
import { configChaos } from './r20-config-chaos'
import { fuzz } from './r21-fuzz'
import { overhead } from './r22-overhead'

/** Every case, in the order in which they run. */
export const CASES: readonly FaultCase[] = [
  kill,
  killAtSyscall,
  killProcesses,
  writeOrder,
  powerLoss,
  hangUp,
  queuePlugins,
  diskFull,
  damagedFiles,
  intakeMatrix,
  network,
  outage,
  outageOfGateway,
  replayAfterOutage,
  slowIntake,
  tlsMatrix,
  dnsFaults,
  clockJumps,
  eventLoopStall,
  otherPlugins,
  exhaustion,
  soak,
  configChaos,
  fuzz,
  overhead,
]

/** Builds that are known to be wrong: each is a case without violations when it was caught. */
export const CONTROLS: readonly FaultCase[] = [
  queueOkOnlyControl,
  fsyncControl,
  sizeCheckControl,
  heldSlotsControl,
  resumptionControl,
  hookTimerControl,
]
