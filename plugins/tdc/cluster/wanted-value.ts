import type { Wanted } from './change'

/** What is asked for, without the section that it is for. */
export type WantedValue = Pick<Wanted, 'key' | 'value'>

/** `KEY=VALUE` of the command line, or what is wrong with it. */
export function parsePair(text: string): WantedValue | string {
  const at = text.indexOf('=')
  if (at < 1) return `${JSON.stringify(text)} is not KEY=VALUE`
  return { key: text.slice(0, at).trim(), value: text.slice(at + 1).trim() }
}

/** `KEY`: its value is no longer shared. */
export function parseKey(text: string): WantedValue {
  return { key: text.trim(), value: null }
}
