import { errorCode } from './error-code'

/**
 * Whether another process of this machine has this number; one that is not ours to ask runs too. In a
 * container each start may have the number of the one before.
 */
export function isRunning(pid: number): boolean {
  // 0 and negative numbers would ask for process groups.
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}
