import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again every 50 ms; false when it did not come true in time. */
export async function comesTrue(holds: () => boolean, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds
  while (!holds()) {
    if (Date.now() > deadline) return false
    await sleep(50)
  }
  return true
}
