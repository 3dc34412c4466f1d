import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Octets of memory that are in use after a collection: the heap, and buffers beside it. */
export function memoryInUse(): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Octets that are kept for what `make` returns, as long as somebody has it. */
export function memoryOf<T>(make: () => T): { readonly octets: number; readonly kept: T } {
  const before = memoryInUse()
  const kept = make()
  return { octets: memoryInUse() - before, kept }
}
