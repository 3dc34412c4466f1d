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

/** An option: what `parseArgs` needs of it, and what is said of it. */
interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** Stands for its value in the help; '': it has none. */
  readonly value: string
  /** What it does; of several lines, the others go on with it. */
  readonly help: readonly string[]
  /** The values that there are, where they are few. */
  readonly words?: readonly string[]
}

interface Flag extends Option {
  readonly type: 'boolean'
}

interface Text extends Option {
  readonly type: 'string'
}

interface Texts extends Text {
  readonly multiple: true
}

export type Options = Readonly<Record<string, Option>>

/** What was given for each option; false, '' or nothing: it was not. */
export type GivenValues<O extends Options = Options> = {
  readonly [N in keyof O]: O[N] extends Flag
    ? boolean
    : O[N] extends Texts
      ? readonly string[]
      : O[N] extends Text
        ? string
        : boolean | string | readonly string[]
}

export function flagOption(...help: readonly string[]): Flag {
  return { type: 'boolean', value: '', help }
}

export function textOption(value: string, ...help: readonly string[]): Text {
  return { type: 'string', value, help }
}

export function textsOption(value: string, ...help: readonly string[]): Texts {
  return { type: 'string', value, help, multiple: true }
}

/** Options of every command. */
export const COMMON = {
  config: {
    ...textOption(
      'DIR',
      "Haraka's server directory; else the environment's HARAKA, else the working directory",
    ),
    short: 'c',
  },
  json: flagOption('the answer as JSON'),
  help: { ...flagOption('this text'), short: 'h' },
}

/** What a command is given. */
export interface Call<O extends Options = Options> {
  /** Haraka's server directory; a `Stop` when there is none. */
  readonly directory: () => string
  readonly json: boolean
  readonly values: GivenValues<O>
  readonly words: readonly string[]
  readonly terminal: Terminal
  /** All commands that there are. */
  readonly program: readonly Command[]
}

/** All that there is of a command: what it takes, what is said of it, and what it does. */
export interface Command<O extends Options = Options> {
  readonly name: string
  /** Its words, such as `FROM TO`. */
  readonly words: readonly string[]
  readonly options: O
  /** In one line. */
  readonly summary: string
  /** Sentences, below what the options do. */
  readonly help: readonly string[]
  run(call: Call<O>): Promise<ExitCode>
}

/** `name`, and what is needed of the rest; it has no words and no options unless they are given. */
export function command<const O extends Options = Record<never, never>>(
  name: string,
  made: Pick<Command<O>, 'summary' | 'run'> & Partial<Command<O>>,
): Command<O> {
  return { name, words: [], options: {} as O, help: [], ...made }
}

/** The name of one option that was given; undefined: none was. */
export function givenOf(values: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(values).find((name) => values[name] !== '')
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
export function show(
  { json, terminal }: Pick<Call, 'json' | 'terminal'>,
  value: unknown,
  lines: () => string[],
): void {
  terminal.print(json ? safeJson(value).split('\n') : lines())
}
