import { command, type Command, COMMON, EXIT, Stop } from './command'

type Program = readonly Command[]

const SHELLS: Readonly<Record<string, (program: Program) => string[]>> = { bash, zsh, fish }

export const completionCommand = command('completion', {
  words: ['bash|zsh|fish'],
  summary: 'a script that completes commands and options in this shell',
  help: [
    'bash: source <(haraka-tdc completion bash), in ~/.bashrc',
    'zsh:  source <(haraka-tdc completion zsh), in ~/.zshrc behind compinit',
    'fish: haraka-tdc completion fish > ~/.config/fish/completions/haraka-tdc.fish',
  ],
  run({ words: [shell = ''], terminal, program }) {
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
    if (!script) {
      const known = Object.keys(SHELLS).join(', ')
      throw new Stop(EXIT.usage, `no completion for ${JSON.stringify(shell)}; those are: ${known}`)
    }
    terminal.print(script(program))
    return Promise.resolve(EXIT.ok)
  },
})

function bash(program: Program): string[] {
  return [
    '_haraka_tdc() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} command= words i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case ${COMP_WORDS[i]} in',
    '      -c | --config) i=$((i + 1)) ;;',
    '      -*) ;;',
    '      *) command=${COMP_WORDS[i]} && break ;;',
    '    esac',
    '  done',
    '  case ${COMP_WORDS[COMP_CWORD - 1]} in',
    // No word of ours: readline completes the file, and quotes what has blanks.
    `    ${FILES.join(' | ')}) COMPREPLY=() && return ;;`,
    '  esac',
    '  case "$command ${COMP_WORDS[COMP_CWORD - 1]}" in',
    ...valuesOf(program).map(
      ([before, words]) =>
        `    ${quoted(before, '')}) COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word")); return ;;`,
    ),
    // A value that nobody can know is no option and no file.
    `    *' '${freeOptions(program).join(" | *' '")}) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;`,
    '  esac',
    '  case $command in',
    `    '' | help) words='${namesOf(program).join(' ')}' ;;`,
    ...program.map((command) => `    ${command.name}) words='${wordsOf(command).join(' ')}' ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -o default -F _haraka_tdc haraka-tdc',
  ]
}

function zsh(program: Program): string[] {
  const described = program.map(({ name, summary }) => quoted(`${name}:${summary}`, "'\\''"))
  return [
    '#compdef haraka-tdc',
    '_haraka_tdc() {',
    '  local -a commands',
    '  local command= i',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    case $words[i] in',
    '      -c | --config) ((i++)) ;;',
    '      -*) ;;',
    '      *) command=$words[i] && break ;;',
    '    esac',
    '  done',
    `  commands=(${[...described, "'help:what a command does'"].join(' ')})`,
    '  case $words[CURRENT-1] in',
    `    ${FILES.join(' | ')}) _files && return ;;`,
    '  esac',
    '  if [[ -z $command || $command == help ]]; then',
    '    _describe command commands',
    '    return',
    '  fi',
    '  case "$command $words[CURRENT-1]" in',
    ...valuesOf(program).map(
      ([before, words]) => `    ${quoted(before, '')}) compadd -- ${words.join(' ')}; return ;;`,
    ),
    `    *' '${freeOptions(program).join(" | *' '")}) _message value; return ;;`,
    '  esac',
    '  case $command in',
    ...program.map((command) => `    ${command.name}) compadd -- ${wordsOf(command).join(' ')} ;;`),
    '  esac',
    '  _files',
    '}',
    'if [[ $funcstack[1] == _haraka_tdc ]]; then _haraka_tdc "$@"; else compdef _haraka_tdc haraka-tdc; fi',
  ]
}

function fish(program: Program): string[] {
  const add = 'complete -c haraka-tdc'
  const flags = (command: Pick<Command, 'options'>) =>
    Object.entries(command.options).map(
      ([name, { type, short, words }]) =>
        `-l ${name}${short ? ` -s ${short}` : ''}${type === 'string' ? valueOf(name, words) : ''}`,
    )
  const valueOf = (name: string, words: readonly string[] | undefined) => {
    if (FILES.includes(`--${name}`)) return ' -r'
    return words ? ` -x -a '${words.join(' ')}'` : ' -x'
  }
  return [
    ...program.map(
      ({ name, summary }) =>
        `${add} -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary, "\\'")}`,
    ),
    `${add} -f -n '__fish_seen_subcommand_from help' -a '${namesOf(program).join(' ')}'`,
    `${add} -f -n '__fish_seen_subcommand_from completion' -a '${Object.keys(SHELLS).join(' ')}'`,
    ...program.flatMap((command) =>
      flags(command).map(
        (flag) => `${add} -n '__fish_seen_subcommand_from ${command.name}' ${flag}`,
      ),
    ),
    ...flags({ options: COMMON }).map((flag) => `${add} ${flag}`),
  ]
}

/** Options whose value is a file or a directory. */
const FILES: readonly string[] = ['-c', '--config', '--log']

/** `COMMAND --OPTION`, and the values that there are. */
function valuesOf(program: Program): [before: string, words: readonly string[]][] {
  return program.flatMap(({ name, options }) =>
    Object.entries(options).flatMap(([option, { words }]): [string, readonly string[]][] =>
      words ? [[`${name} --${option}`, words]] : [],
    ),
  )
}

/** Options with a value that can be anything. */
function freeOptions(program: Program): string[] {
  const all = program.flatMap(({ options }) => Object.entries(options))
  const free = all.filter(([, { type, words }]) => type === 'string' && !words)
  const names = new Set(free.map(([option]) => `--${option}`))
  return [...names].filter((name) => !FILES.includes(name))
}

function namesOf(program: Program): string[] {
  return [...program.map(({ name }) => name), 'help']
}

/** What may stand behind the command. */
function wordsOf({ name, options }: Command): string[] {
  const flags = Object.keys({ ...options, ...COMMON }).map((flag) => `--${flag}`)
  return name === 'completion' ? [...Object.keys(SHELLS), ...flags] : flags
}

function quoted(text: string, quote: string): string {
  return `'${text.replaceAll("'", quote)}'`
}
