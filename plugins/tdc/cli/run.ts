import { parseArgs } from 'node:util'
import {
  adoptCommand,
  dropCommand,
  flushCommand,
  holdCommand,
  queueCommand,
  releaseCommand,
} from './queued-commands'
import { checkCommand } from './check-command'
import {
  type Command,
  COMMON,
  EXIT,
  type ExitCode,
  meant,
  type Options,
  Stop,
  type GivenValues,
} from './command'
import { completionCommand } from './completion-command'
import { historyCommand } from './history-command'
import { keptCommand, replayCommand } from './kept-commands'
import { explainCommand, showCommand, trackCommand } from './message-commands'
import {
  disableCommand,
  enableCommand,
  revertCommand,
  setCommand,
  settingsCommand,
  unsetCommand,
} from './shared-commands'
import { nearest } from '../settings/problems'
import { sendTestCommand } from './send-test-command'
import { directoryGiven } from './server'
import { statusCommand, versionCommand } from './status-command'
import { makeTerminal, table, type Terminal } from './terminal'
import { tophostsCommand } from './tophosts-command'

const PROGRAM = 'haraka-tdc'

/** Every command, by what it is for. */
export const GROUPS: Readonly<Record<string, readonly Command[]>> = {
  looking: [
    statusCommand,
    tophostsCommand,
    queueCommand,
    keptCommand,
    historyCommand,
    showCommand,
    trackCommand,
    explainCommand,
    settingsCommand,
    checkCommand,
    sendTestCommand,
  ],
  doing: [holdCommand, releaseCommand, flushCommand, dropCommand, replayCommand, adoptCommand],
  'settings of all machines': [
    enableCommand,
    disableCommand,
    setCommand,
    unsetCommand,
    revertCommand,
  ],
  'the program itself': [completionCommand, versionCommand],
}
export const COMMANDS = Object.values(GROUPS).flat()

export const EXIT_HELP = [
  'Exit codes: 0 ok; 1 the answer is no, or something is wrong; 2 usage;',
  '3 no server runs, or it cannot be reached; 4 this user may not ask it.',
]

/** Runs the program; its exit code. Every error is one sentence. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  const terminal = makeTerminal(process.stdin, process.stdout, process.stderr)
  try {
    return await dispatch(args, terminal)
  } catch (error) {
    const [code, text] =
      error instanceof Stop ? [error.code, error.message] : [EXIT.no, String(error)]
    terminal.complain(`${PROGRAM}: ${text}`)
    return code
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const at = args.findIndex((arg, i) => !arg.startsWith('-') && !isValueOfConfig(args, i))
  const name = args[at] ?? (args.includes('--version') ? 'version' : undefined)
  const others = args.filter((arg, i) => i !== at && (at >= 0 || arg !== '--version'))
  if (name === undefined || name === 'help') {
    const { common, positionals } = parsed(HELP, others)
    if (!isComplete(positionals, HELP.words)) throw new Stop(EXIT.usage, `usage: ${usageOf(HELP)}`)
    const [of] = positionals
    const isAsked = name === 'help' || common.help
    terminal.print(of === undefined ? overview() : helpOf(commandNamed(of)))
    return isAsked ? EXIT.ok : EXIT.usage
  }
  const command = commandNamed(name)
  const { common, values, positionals } = parsed(command, others)
  if (common.help) {
    terminal.print(helpOf(command))
    return EXIT.ok
  }
  if (!isComplete(positionals, command.words)) {
    throw new Stop(EXIT.usage, `usage: ${usageOf(command)}`)
  }
  return command.run({
    directory: () => directoryGiven(common.config || undefined),
    json: common.json,
    values,
    words: positionals,
    terminal,
    program: COMMANDS,
  })
}

/** No command of its own: it runs nothing. */
const HELP = { name: 'help', words: ['[COMMAND]'], options: {} }

function commandNamed(name: string): Command {
  const command = COMMANDS.find((each) => each.name === name)
  if (command) return command
  const names = [...COMMANDS.map((each) => each.name), 'help']
  const what = `no command ${JSON.stringify(name)}${meant(nearest(name, names))}`
  throw new Stop(EXIT.usage, `${what}; see ${PROGRAM} --help`)
}

/** A last word `WORD...` may stand several times, `[WORD]` may be left out. */
function isComplete(given: readonly string[], words: readonly string[]): boolean {
  const isOpen = words.at(-1)?.endsWith('...') ?? false
  const least = words.filter((word) => !word.startsWith('[')).length
  return given.length >= least && (isOpen || given.length <= words.length)
}

function isValueOfConfig(args: readonly string[], at: number): boolean {
  return args[at - 1] === '-c' || args[at - 1] === '--config'
}

function parsed(command: Named, args: string[]) {
  const options: Options = { ...COMMON, ...command.options }
  const { values: given, positionals } = (() => {
    try {
      return parseArgs({ args, options: { ...options }, allowPositionals: true, strict: true })
    } catch (error) {
      const wrong = optionWrong(error as Error, Object.keys(options))
      throw new Stop(EXIT.usage, `${wrong}; usage: ${usageOf(command)}`)
    }
  })()
  // A variable of a script that has no value must not mean all.
  const empty = Object.entries(given).find(([, value]) => [value].flat().some(isEmpty))
  if (empty) throw new Stop(EXIT.usage, `--${empty[0]} has an empty value`)
  if (positionals.some(isEmpty)) {
    throw new Stop(EXIT.usage, `an empty word is given to ${command.name}`)
  }
  const valuesOf = <O extends Options>(all: O) =>
    Object.fromEntries(
      Object.entries(all).map(([name, option]) => [name, valueOf(name, option, given[name])]),
    ) as GivenValues<O>
  return { common: valuesOf(COMMON), values: valuesOf(command.options), positionals }
}

/** What was given for an option; false, '' or nothing when it was not. */
function valueOf(name: string, { type, multiple, words }: Options[string], given: unknown) {
  if (type === 'boolean') return given === true
  if (multiple) return given ?? []
  const text = typeof given === 'string' ? given.trim() : ''
  if (text === '' || !words || words.includes(text)) return text
  const what = `--${name} must be one of ${words.join(', ')}, not ${JSON.stringify(text)}`
  throw new Stop(EXIT.usage, what + meant(nearest(text, words)))
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === ''
}

type Named = Pick<Command, 'name' | 'words' | 'options'>

/** Node's own sentences go on about words that begin with a dash. */
function optionWrong(error: Error, known: readonly string[]): string {
  const [, dashes = '', option] = /^Unknown option '(--?)([^']*)'/.exec(error.message) ?? []
  if (option === undefined) return valueWrong(error.message)
  const near = dashes === '--' ? nearest(option, known) : undefined
  return `no option ${dashes}${option}${meant(near && `--${near}`)}`
}

function valueWrong(message: string): string {
  const [, option = ''] = /^Option '(?:-\w, )?(--[\w-]+)/.exec(message) ?? []
  if (message.includes('ambiguous')) {
    return `${option} needs a value; one that begins with a dash is written ${option}=-VALUE`
  }
  if (message.includes('argument missing')) return `${option} needs a value`
  return message.includes('does not take an argument') ? `${option} takes no value` : message
}

function usageOf({ name, words, options }: Named): string {
  const flags = Object.entries(options).map(
    ([option, { value }]) => `[--${`${option} ${value}`.trimEnd()}]`,
  )
  return [PROGRAM, name, ...words, ...flags, '[-c DIR] [--json]'].join(' ')
}

function helpOf(command: Command): string[] {
  const lines = [...helpLines(command), ...optionLines(COMMON)].map((line) => `  ${line}`)
  return [`usage: ${usageOf(command)}`, '', `${command.summary}.`, '', ...lines, '', ...EXIT_HELP]
}

/** What the options do, and the rest that is to be said. */
export function helpLines({ options, help }: Pick<Command, 'options' | 'help'>): string[] {
  return [...optionLines(options), ...help]
}

/** A line each, and more of them behind blanks. */
export function optionLines(options: Options): string[] {
  const rows = Object.entries(options).flatMap(([name, { short, value, help }]) =>
    help.map((line, at) => [at === 0 ? formOf(name, short, value) : '', line]),
  )
  return table(rows)
}

function formOf(name: string, short: string | undefined, value: string): string {
  return `--${name}${short === undefined ? '' : `, -${short}`} ${value}`.trimEnd()
}

function overview(): string[] {
  const rows = COMMANDS.map(({ name, words, summary }) => [
    `  ${[name, ...words].join(' ')}`,
    summary,
  ])
  return [
    `usage: ${PROGRAM} COMMAND [-c DIR] [--json]; ${PROGRAM} help COMMAND says more`,
    '',
    ...table(rows),
    '',
    ...optionLines(COMMON).map((line) => `  ${line}`),
    '',
    ...EXIT_HELP,
  ]
}
