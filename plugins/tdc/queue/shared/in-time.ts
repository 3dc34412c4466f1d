import type { Clock } from '../../clock'

/** Rejects when `work` has no answer after so many milliseconds; `late` is called then. */
export function inTime<T>(
  clock: Clock,
  work: Promise<T>,
  most: number,
  late: () => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = clock.after(most, () => {
      reject(new Error(`no answer in ${most / 1000} seconds`))
      late()
    })
    work.then(resolve, reject).finally(() => deadline.cancel())
  })
}
