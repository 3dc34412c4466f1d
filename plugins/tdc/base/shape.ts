import { isSafe } from './text'

/** Looks at a value from outside; the sentence that says what is wrong with it, or undefined. */
export type Shape = (value: unknown, name: string) => string | undefined

/** What a Date can hold, in milliseconds (ECMA-262 section 21.4.1.1); counters stay below it. */
const MOST = 8.64e15

export const number: Shape = (value, name) =>
  typeof value === 'number' && Math.abs(value) <= MOST ? undefined : `${name} is not a number`

export const integer: Shape = (value, name) =>
  Number.isSafeInteger(value) ? undefined : `${name} is not a whole number`

export const flag: Shape = (value, name) =>
  typeof value === 'boolean' ? undefined : `${name} is not true or false`

/** At most `longest` characters, and none that would act on a terminal or end a line of the log. */
export function text(longest: number): Shape {
  return (value, name) => {
    if (typeof value !== 'string') return `${name} is not a text`
    if (value.length > longest) return `${name} has more than ${longest} characters`
    return isSafe(value) ? undefined : `${name} has control characters`
  }
}

export function oneOf(...choices: readonly string[]): Shape {
  return (value, name) =>
    choices.includes(value as string) ? undefined : `${name} is none of ${choices.join(', ')}`
}

export function orNull(shape: Shape): Shape {
  return (value, name) => (value === null ? undefined : shape(value, name))
}

export function listOf(shape: Shape, most: number): Shape {
  return (value, name) => {
    if (!Array.isArray(value)) return `${name} is not a list`
    if (value.length > most) return `${name} has more than ${most} items`
    return firstOf(value, (item: unknown, at) => shape(item, `${name}[${at}]`))
  }
}

/** Any names, each with a value of one shape. */
export function byName(shape: Shape, most: number): Shape {
  return (value, name) => {
    if (!isObject(value)) return `${name} is not an object`
    const all = Object.entries(value)
    if (all.length > most) return `${name} has more than ${most} items`
    return firstOf(
      all,
      ([key, item]) => text(LONGEST_KEY)(key, `a name in ${name}`) ?? shape(item, `${name} ${key}`),
    )
  }
}

/** The fields of `T`, each of its shape; fields of a newer version are let be. */
export function record<T extends object>(fields: { readonly [K in keyof T]-?: Shape }): Shape {
  const all = Object.entries(fields) as [string, Shape][]
  return (value, name) => {
    if (!isObject(value)) return `${name} is not an object`
    return firstOf(all, ([key, shape]) =>
      shape(Object.hasOwn(value, key) ? value[key] : undefined, `${name}.${key}`),
    )
  }
}

const LONGEST_KEY = 400

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function firstOf<T>(
  all: readonly T[],
  look: (item: T, at: number) => string | undefined,
): string | undefined {
  for (const [at, item] of all.entries()) {
    const wrong = look(item, at)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
