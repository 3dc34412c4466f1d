import { type Command, COMMON } from '../../plugins/tdc/cli/command'
import { EXIT_HELP, helpLines, optionLines } from '../../plugins/tdc/cli/run'

/** haraka-tdc(1), of the table of commands. It has no date and no version: a release changes neither. */
export function manPage(commands: Iterable<Command>): string {
  return [
    '.\\" Made of the code by npm run docs.',
    '.TH HARAKA\\-TDC 1 "" haraka\\-plugin\\-tdc "Threat Defense Connector for Haraka"',
    '.SH NAME',
    'haraka\\-tdc \\- asks and directs the Threat Defense Connector of a running Haraka',
    '.SH SYNOPSIS',
    '.B haraka\\-tdc',
    '.I COMMAND',
    '[options] [\\-c DIR] [\\-\\-json]',
    '.br',
    '.B haraka\\-tdc help',
    '.I COMMAND',
    '.SH COMMANDS',
    ...[...commands].flatMap(({ name, words, summary, options, help }) => [
      '.TP',
      `.B ${roff([name, ...words].join(' '))}`,
      roff(`${summary}.`),
      ...block(told(helpLines({ options, help }))),
    ]),
    '.SH OPTIONS OF EVERY COMMAND',
    ...told(optionLines(COMMON)),
    '.SH EXIT STATUS',
    ...EXIT_HELP.map(roff),
    '.SH ENVIRONMENT',
    '.TP',
    '.B HARAKA',
    roff("Haraka's server directory, where -c does not name it."),
    '.SH NOTES',
    roff('Nothing is written in colours, with NO_COLOR or without.'),
    '',
  ].join('\n')
}

function block(lines: readonly string[]): readonly string[] {
  return lines.length > 0 ? ['.RS', ...lines, '.RE'] : []
}

/** Lines of help: an option with what it does, more of that behind blanks, or sentences. */
function told(lines: readonly string[]): string[] {
  let isOption = false
  return lines.flatMap((line) => {
    const [, option, does = ''] = /^(-\S*(?: \S+)*?) {2,}(.*)$/.exec(line) ?? []
    if (option !== undefined) {
      isOption = true
      return ['.TP', `.B ${roff(option)}`, roff(does)]
    }
    // The rest of a sentence, or of what an option does.
    if (/^(?: |[a-z]\w*[^:\w])/.test(line)) return [roff(line.trimStart())]
    const begin = isOption ? '.PP' : '.br'
    isOption = false
    return [begin, roff(line)]
  })
}

/** One line of text as troff takes it: signs as they stand, and no request. */
function roff(line: string): string {
  const plain = line.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('~', '\\(ti')
  return /^[.']/.test(plain) ? `\\&${plain}` : plain
}
