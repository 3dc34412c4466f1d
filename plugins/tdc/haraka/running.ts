import cluster from 'node:cluster'
import { errorCode } from '../error-code'

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

/** Files that name this process are this one's: the only process has all, of workers each its own, the master none. */
export function hasFilesOf(pid: number): boolean {
  if (cluster.isWorker) return pid === process.pid
  return Object.keys(cluster.workers ?? {}).length === 0
}
