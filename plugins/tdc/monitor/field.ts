import {
  byName,
  flag,
  integer,
  listOf,
  number,
  oneOf,
  orNull,
  record,
  shape,
  type Shape,
  text,
} from '../base/shape'

/**
 * One field of the status: how the values of several processes become one, and what it must be when
 * another machine tells it. `latest`: which of them looked last.
 */
export interface Field<T> {
  merge(all: readonly T[], latest: number): T
  readonly shape: Shape
}

export type ValueOf<F> = F extends Field<infer T> ? T : never

type Fields = Readonly<Record<string, Field<unknown>>>
type Group<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }
type ByName<T> = Readonly<Record<string, T>>

/** What another machine says of itself may be of another version, or anything. */
const MOST = 2_000
const LONGEST = 1_000

export const words = text(LONGEST)

/** Summed. */
export const total: Field<number> = {
  merge: (all) => all.reduce((sum, each) => sum + each, 0),
  shape: number,
}

export const largest: Field<number> = { merge: (all) => Math.max(0, ...all), shape: number }

/** Durations are whole milliseconds, and their names end in `Ms`. */
export const longestMs: Field<number> = { ...largest, shape: integer }
export const totalMs: Field<number> = { ...total, shape: integer }
export const sharedMs = (): Field<number> => shared(integer)

/** The latest moment; null: not yet. */
export const newest: Field<number | null> = {
  merge: (all) => all.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null),
  shape: orNull(number),
}

/** Null: nobody knows. */
export const lowest: Field<number | null> = {
  merge(all) {
    const known = all.filter((each) => each !== null)
    return known.length > 0 ? Math.min(...known) : null
  },
  shape: orNull(number),
}

/** The same for all, such as the settings: as the process has it that looked last. */
export function shared<T>(wanted: Shape): Field<T> {
  return { merge: (all, latest) => all[latest] as T, shape: wanted }
}

export const sharedText = shared<string>(words)
export const sharedNumber = shared<number>(number)
export const sharedFlag = shared<boolean>(flag)

export function oneOfThese<T extends string>(...choices: readonly T[]): Field<T> {
  return shared(oneOf(...choices))
}

/** All that any of them has, in an order of its own. */
export function every<T>(
  item: Shape,
  arranged: (all: readonly T[]) => readonly T[] = (all) => all,
): Field<readonly T[]> {
  return { merge: (all) => arranged(all.flat()), shape: listOf(item, MOST) }
}

export const everyText = (arranged: (all: readonly string[]) => readonly string[]) =>
  every<string>(words, (all) => arranged([...new Set(all)]))

/** Numbers that stand for the same each, summed one by one. */
export const totals: Field<readonly number[]> = {
  merge(all) {
    const length = Math.max(0, ...all.map((each) => each.length))
    return Array.from({ length }, (_, at) =>
      total.merge(
        all.map((each) => each[at] ?? 0),
        0,
      ),
    )
  },
  shape: listOf(number, MOST),
}

/** What a machine of an older version does not tell is `absent`. */
export function addedLater<T>(field: Field<T>, absent: T): Field<T> {
  return {
    merge: (all, latest) =>
      field.merge(
        all.map((each) => each ?? absent),
        latest,
      ),
    shape: shape(field.shape.schema, (value, name) =>
      value === undefined ? undefined : field.shape(value, name),
    ),
  }
}

export function group<F extends Fields>(fields: F): Field<Group<F>> {
  const all = Object.entries(fields)
  const merge = (given: readonly Group<F>[], latest: number) => {
    const merged = all.map(([name, field]) => {
      const values = given.map((each) => each[name])
      return [name, field.merge(values, latest)]
    })
    return Object.fromEntries(merged) as Group<F>
  }
  const shapes = all.map(([name, { shape }]) => [name, shape])
  return { merge, shape: record(Object.fromEntries(shapes) as Record<string, Shape>) }
}

/** One of all, or none: `chosen` says which of two. */
export function oneOfAll<T>(field: Field<T>, chosen: (a: T, b: T) => T): Field<T | null> {
  return {
    merge: (all) =>
      all.reduce((a, b) => (a === null || b === null ? (a ?? b) : chosen(a, b)), null),
    shape: orNull(field.shape),
  }
}

/** Values by names from outside, which may be such as every object inherits. */
export function named<T>(
  field: Field<T>,
  latestOf: (all: readonly T[]) => number = () => 0,
): Field<ByName<T>> {
  return {
    merge(all) {
      const names = new Set(all.flatMap((each) => Object.keys(each)))
      const merged = [...names].map((name) => {
        const same = all.filter((each) => Object.hasOwn(each, name)).map((each) => each[name] as T)
        return [name, field.merge(same, latestOf(same))]
      })
      return Object.fromEntries(merged) as ByName<T>
    },
    shape: byName(field.shape, MOST),
  }
}
