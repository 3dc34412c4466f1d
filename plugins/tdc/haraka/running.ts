import { errorCode } from '../error-code'

/** Whether a process of this machine has this number; one that is not ours to ask runs too. */
export function isRunning(pid: number): boolean {
  // 0 and negative numbers would ask for process groups.
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}
