import { format, resolveConfig } from 'prettier'
import { REASONS } from '../../plugins/tdc/monitor/health'
import { COUNTED } from '../../plugins/tdc/monitor/message-counts'
import { GROUPS, helpLines } from '../../plugins/tdc/cli/run'
import type { Command } from '../../plugins/tdc/cli/command'
import { METRICS } from '../../plugins/tdc/web/metrics'
import { SECTIONS } from '../../plugins/tdc/settings/keys'

/**
 * Parts of the documents that are made of a table of the code: what stands between
 * `<!-- made of the code: NAME -->` and `<!-- end -->`. `npm run docs` makes them anew.
 */
const PART = /(<!-- made of the code: (.+) -->)\n[^]*?(<!-- end -->)/g

/** Every part that a document must have, by its name. */
export const PARTS: ReadonlyMap<string, () => string> = new Map([
  ...Object.entries(SECTIONS)
    .filter(([, keys]) => Object.keys(keys).length > 0)
    .map(([section, keys]): [string, () => string] => [
      `settings [${section}]`,
      () =>
        tableOf(
          ['key', 'default', 'meaning'],
          Object.entries(keys).map(([name, { text, meaning }]) => [
            codeOf(name),
            codeOf(text),
            withCode(meaning),
          ]),
        ),
    ]),
  [
    'reasons',
    () =>
      tableOf(
        ['reason', 'what to do'],
        Object.entries(REASONS).map(([reason, todo]) => [
          `[${reason}](#${reason})`,
          withCode(todo),
        ]),
      ),
  ],
  [
    'counters of messages',
    () =>
      tableOf(
        ['counter', 'counts'],
        COUNTED.map(([name, { help }]) => [codeOf(name), said(help)]),
      ),
  ],
  [
    'metrics',
    () =>
      tableOf(
        ['metric', 'type', 'labels', 'meaning'],
        Object.entries(METRICS).map(([name, { type, labels = [], help }]) => [
          ...[codeOf(name), type, labels.map(codeOf).join(', ')],
          withCode(help),
        ]),
      ),
  ],
  [
    'metrics of messages',
    () =>
      tableOf(
        ['metric', 'type', 'labels', 'meaning'],
        COUNTED.map(([, { metric, help }]) => [codeOf(metric), 'counter', '', said(help)]),
      ),
  ],
  ...Object.entries(GROUPS).map(
    ([group, commands]) => [`commands: ${group}`, () => commands.map(told).join('\n\n')] as const,
  ),
])

/** config/tdc.ini with each key as its row says it; headings, and what stands above them, are its own. */
export function iniOf(file: string): string {
  return Object.entries(SECTIONS).reduce((text, [section, keys]) => {
    const heading = new RegExp(`^;?\\[${section.replace('.', '\\.')}\\]\\n`, 'm').exec(text)
    if (!heading) throw new Error(`[${section}] is not in config/tdc.ini`)
    const begin = heading.index + heading[0].length
    const next = text.slice(begin).search(/^;?\[/m)
    const body = text.slice(begin, next < 0 ? undefined : begin + next)
    const written = [...body.matchAll(/^;\w+(\[\])?=.*\n/gm)].at(-1)
    const end = begin + (written ? written.index + written[0].length : 0)
    const made = Object.entries(keys).map(([name, { text: value, meaning }]) => {
      const lines = meaning.includes(`${name}[]=`) ? `${name}[]` : name
      return `${commentOf(meaning)}\n;${lines}=${value}\n`
    })
    return made.length === 0 ? text : text.slice(0, begin) + made.join('\n') + text.slice(end)
  }, file)
}

function commentOf(meaning: string): string {
  const lines = ['']
  for (const word of meaning.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`
    if (longer.length < COLUMNS) lines.splice(-1, 1, longer)
    else lines.push(` ${word}`)
  }
  return lines.map((line) => `;${line}`).join('\n')
}

const COLUMNS = 100

export function partsIn(document: string): string[] {
  return [...document.matchAll(PART)].map(([, , name = '']) => name)
}

/** The document with its parts as the code says them now. */
export async function remade(path: string, document: string): Promise<string> {
  const filled = document.replace(PART, (_, begin: string, name: string, end: string) => {
    const make = PARTS.get(name)
    if (!make) throw new Error(`${path}: nothing in the code is "${name}"`)
    return `${begin}\n\n${make()}\n\n${end}`
  })
  return format(filled, { ...(await resolveConfig(path)), parser: 'markdown' })
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '-'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function codeOf(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** Words that have a sign in them which no sentence has are code. */
function withCode(text: string): string {
  return text
    .replace(/[^\s("]*[=_@*<>[\]][^\s]*?(?=[),.;:]*(\s|$))/g, '`$&`')
    .replaceAll('|', '\\|')
}

/** As it stands in a cell. */
function said(text: string): string {
  return withCode(text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, ''))
}

function told(command: Command): string {
  const { name, words, summary } = command
  const call = ['haraka-tdc', name, ...words].join(' ')
  const text = ['```', call, ...helpLines(command).map(indented), '```']
  return [`### ${name}`, sentence(summary), text.join('\n')].join('\n\n')
}

function indented(line: string): string {
  return `  ${line}`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
