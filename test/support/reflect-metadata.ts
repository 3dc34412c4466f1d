/**
 * The three functions of the Reflect metadata proposal that `tsyringe` (below @peculiar/x509) asks
 * for, so that issuing test certificates needs no further package. Import it before x509.
 */
const store = new WeakMap<object, Map<unknown, unknown>>()

function getOwnMetadata(key: unknown, target: object): unknown {
  return store.get(target)?.get(key)
}

function getMetadata(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const value = getOwnMetadata(key, at)
    if (value !== undefined) return value
  }
  return undefined
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = store.get(target) ?? new Map<unknown, unknown>()
  store.set(target, own.set(key, value))
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata })
}
