import { isSafe } from './text'

/** What a value must be: JSON Schema (draft-07). */
type Schema = Readonly<Record<string, unknown>>

/** Looks at a value from outside; the sentence that says what is wrong with it, or undefined. */
export interface Shape {
  (value: unknown, name: string): string | undefined
  readonly schema: Schema
}

export function shape(
  schema: Schema,
  look: (value: unknown, name: string) => string | undefined,
): Shape {
  return Object.assign(look.bind(null), { schema })
}

/** What a Date can hold, in milliseconds (ECMA-262 section 21.4.1.1); counters stay below it. */
const MOST = 8.64e15

export const number = shape({ type: 'number' }, (value, name) =>
  typeof value === 'number' && Math.abs(value) <= MOST ? undefined : `${name} is not a number`,
)

export const integer = shape({ type: 'integer' }, (value, name) =>
  Number.isSafeInteger(value) ? undefined : `${name} is not a whole number`,
)

export const flag = shape({ type: 'boolean' }, (value, name) =>
  typeof value === 'boolean' ? undefined : `${name} is not true or false`,
)

/** At most `longest` characters, and none that would act on a terminal or end a line of the log. */
export function text(longest: number): Shape {
  return shape({ type: 'string' }, (value, name) => {
    if (typeof value !== 'string') return `${name} is not a text`
    if (value.length > longest) return `${name} has more than ${longest} characters`
    return isSafe(value) ? undefined : `${name} has control characters`
  })
}

export function oneOf(...choices: readonly string[]): Shape {
  return shape({ enum: choices }, (value, name) =>
    choices.includes(value as string) ? undefined : `${name} is none of ${choices.join(', ')}`,
  )
}

export function orNull(other: Shape): Shape {
  return shape({ anyOf: [other.schema, { type: 'null' }] }, (value, name) =>
    value === null ? undefined : other(value, name),
  )
}

export function listOf(item: Shape, most: number): Shape {
  return shape({ type: 'array', items: item.schema }, (value, name) => {
    if (!Array.isArray(value)) return `${name} is not a list`
    if (value.length > most) return `${name} has more than ${most} items`
    return firstOf(value, (each: unknown, at) => item(each, `${name}[${at}]`))
  })
}

/** Any names, each with a value of one shape. */
export function byName(item: Shape, most: number): Shape {
  return shape({ type: 'object', additionalProperties: item.schema }, (value, name) => {
    if (!isObject(value)) return `${name} is not an object`
    const all = Object.entries(value)
    if (all.length > most) return `${name} has more than ${most} items`
    return firstOf(
      all,
      ([key, each]) => text(LONGEST_KEY)(key, `a name in ${name}`) ?? item(each, `${name} ${key}`),
    )
  })
}

/** The fields of `T`, each of its shape; fields of a newer version are let be. */
export function record<T extends object>(fields: { readonly [K in keyof T]-?: Shape }): Shape {
  const all = Object.entries(fields) as [string, Shape][]
  const properties = Object.fromEntries(all.map(([key, { schema }]) => [key, schema]))
  const schema = { type: 'object', required: Object.keys(properties), properties }
  return shape(schema, (value, name) => {
    if (!isObject(value)) return `${name} is not an object`
    return firstOf(all, ([key, field]) =>
      field(Object.hasOwn(value, key) ? value[key] : undefined, `${name}.${key}`),
    )
  })
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
