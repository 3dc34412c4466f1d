import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Octets of memory that are in use after a collection: the heap, and buffers beside it. */
export function memoryInUse(): number {
  // V8 keeps the text that was matched last (RegExp.input).
  ;/./.test('.')
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/**
 * Octets that are kept for what `make` returns, as long as somebody has it. `before` runs ahead of it:
 * what only a first run leaves behind, such as compiled code, does not count.
 */
export function memoryOf<T>(
  make: () => T,
  before: () => unknown = make,
): { readonly octets: number; readonly kept: T } {
  before()
  const start = memoryInUse()
  const kept = make()
  return { octets: memoryInUse() - start, kept }
}
