import type { ParseArgsConfig } from 'node:util'
import { safeJson } from '../base/text'
import type { SilentWorker } from '../monitor/status'
import type { Terminal } from './terminal'

/** How the program ends; scripts read it. */
export const EXIT = {
  ok: 0,
  /** The answer is no, or something is wrong. */
  no: 1,
  usage: 2,
  notRunning: 3,
  notPermitted: 4,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the program with one sentence. */
export class Stop extends Error {
  constructor(
    readonly code: ExitCode,
    sentence: string,
  ) {
    super(sentence)
  }
}

/** As `parseArgs` takes them; `words`: the values that there are, where they are few. */
export type Options = Readonly<
  Record<
    string,
    NonNullable<ParseArgsConfig['options']>[string] & { readonly words?: readonly string[] }
  >
>

/** Options of every command. */
export const COMMON: Options = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
}

type Values = Readonly<Record<string, unknown>>

/** What a command is given. */
export interface Call {
  /** Haraka's server directory; a `Stop` when there is none. */
  readonly directory: () => string
  readonly json: boolean
  readonly values: Values
  readonly words: readonly string[]
  readonly terminal: Terminal
  /** All commands that there are. */
  readonly program: readonly Command[]
}

export interface Command {
  readonly name: string
  /** Its words, such as `FROM TO`. */
  readonly words: readonly string[]
  readonly options: Options
  /** In one line. */
  readonly summary: string
  readonly help: readonly string[]
  run(call: Call): Promise<ExitCode>
}

/** A line for each worker whose part of the answer is missing. */
export function silentText(silent: readonly SilentWorker[]): string[] {
  return silent.map(({ worker, pid }) => `worker ${worker} (pid ${pid}) did not answer`)
}

export function copiesText(count: number): string {
  return `${count} ${count === 1 ? 'copy' : 'copies'}`
}

/** Goes on in a sentence about an unknown word; '': no known one is like it. */
export function meant(near: string | undefined): string {
  return near === undefined ? '' : `; did you mean ${near}?`
}

/** An answer for scripts, or for people. */
export function show({ json, terminal }: Call, value: unknown, lines: () => string[]): void {
  terminal.print(json ? safeJson(value).split('\n') : lines())
}
