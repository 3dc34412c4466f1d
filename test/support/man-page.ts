import type { Command } from '../../plugins/tdc/cli/command'
import { COMMON_HELP, EXIT_HELP } from '../../plugins/tdc/cli/run'

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
    ...[...commands].flatMap(({ name, words, summary, help }) => [
      '.TP',
      `.B ${roff([name, ...words].join(' '))}`,
      roff(`${summary}.`),
      ...literal(help),
    ]),
    '.SH OPTIONS OF EVERY COMMAND',
    ...literal(COMMON_HELP),
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

function literal(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['.nf', ...lines.map(roff), '.fi']
}

/** One line of text as troff takes it: signs as they stand, and no request. */
function roff(line: string): string {
  const plain = line.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('~', '\\(ti')
  return /^[.']/.test(plain) ? `\\&${plain}` : plain
}
