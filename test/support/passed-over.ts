type Method = (this: { length: number }, ...given: unknown[]) => unknown

/** That pass over the whole of an array, or over what they are given of it. */
const WHOLE = ['filter', 'find', 'flatMap', 'forEach', 'includes', 'indexOf', 'map', 'reduce']
const SORTED = ['sort', 'toSorted', 'slice', 'some', 'every', 'concat', 'flat', 'reverse']

const ITERATORS = [[].values(), new Map().values(), new Set().values()].map(
  (iterator) => Object.getPrototypeOf(iterator) as Record<string, Method>,
)

/**
 * The most things of arrays, Maps and Sets that are passed over in one turn of the event loop, whoever
 * does it, until `work` has ended.
 */
export async function mostPassedOver(work: () => unknown): Promise<number> {
  let [passed, most] = [0, 0]
  const turn = () => {
    most = Math.max(most, passed)
    passed = 0
  }
  const count = (things: number) => void (passed += things)
  const arrays = Array.prototype as unknown as Record<string, Method>
  const restore = [
    ...ITERATORS.map((iterator) => counted(iterator, 'next', () => count(1))),
    ...[...WHOLE, ...SORTED].map((name) => counted(arrays, name, count)),
  ]
  let over = false
  const next = (): void => {
    turn()
    if (!over) setImmediate(next)
  }
  next()
  try {
    await work()
  } finally {
    over = true
    turn()
    for (const undo of restore) undo()
  }
  return most
}

/** Has a method tell the length of what it is called on; returns what undoes that. */
function counted(
  prototype: Record<string, Method>,
  name: string,
  count: (things: number) => void,
): () => void {
  const own = Object.getOwnPropertyDescriptor(prototype, name)
  const method = prototype[name]
  if (!own || !method) throw new Error(`there is no ${name}`)
  const value: Method = function (...given) {
    const result = method.apply(this, given)
    count(name === 'slice' || name === 'next' ? lengthOf(result) : this.length)
    return result
  }
  Object.defineProperty(prototype, name, { ...own, value })
  return () => Object.defineProperty(prototype, name, own)
}

function lengthOf(result: unknown): number {
  return Array.isArray(result) ? result.length : 1
}
