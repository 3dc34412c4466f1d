import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Command } from '../../plugins/tdc/cli/command'
import { COMMANDS } from '../../plugins/tdc/cli/run'
import { repository } from './run'

/** What people read, by its path in the repository. */
export const DOCUMENTS: ReadonlyMap<string, string> = new Map(
  ['README.md', 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...pathsIn('docs', /\.md$/)].map(
    (path) => [path, textOf(path)],
  ),
)

/** The sources of the plugin. */
const SOURCES: ReadonlyMap<string, string> = new Map(
  readdirSync(join(repository, 'plugins'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [`plugins/${path}`, textOf(`plugins/${path}`)]),
)

export function textOf(path: string): string {
  return readFileSync(join(repository, path), 'utf8')
}

export function pathsIn(folder: string, names: RegExp): string[] {
  return readdirSync(join(repository, folder))
    .filter((name) => names.test(name))
    .map((name) => `${folder}/${name}`)
}

/** Spans and blocks of code; of a block each line, of a span its text on one line. */
export function codeIn(document: string): string[] {
  const block = /^ *```\w*\n([^]*?)^ *```$/gm
  const spans = document.replace(block, '').matchAll(/`([^`]+)`/g)
  return [
    ...[...document.matchAll(block)].flatMap(([, lines = '']) => lines.split('\n')),
    ...[...spans].map(([, span = '']) => span.replace(/\s+/g, ' ')),
  ]
}

/** The text of all sources that `file` can stand for, its folders written or not; '': of none. */
export function sourcesNamed(file: string): string {
  const found = [...SOURCES].filter(([path]) => path === file || path.endsWith(`/${file}`))
  return found.map(([, code]) => code).join('\n')
}

/** Where a link of a document leads, and the heading there. */
export function targetOf(from: string, link: string): { path: string; anchor: string | undefined } {
  const [path = '', anchor] = link.split('#', 2)
  return { path: path === '' ? from : join(dirname(from), path), anchor }
}

/** As GitHub makes them of headings. */
export function anchorsOf(document: string): ReadonlySet<string> {
  const headings = [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
  const plain = headings.map((heading) => heading.toLowerCase().replace(/[^\w\- ]/g, ''))
  return new Set(plain.map((heading) => heading.replaceAll(' ', '-')))
}

/** The commands of haraka-tdc by their names. */
export function commandsOfProgram(): ReadonlyMap<string, Command> {
  return new Map(COMMANDS.map((command) => [command.name, command]))
}

/** Whether `name` is a test, as docs/reliability.md writes them. */
export function isTest(name: string): boolean {
  const file = name.endsWith('.ts') ? name : `${name}.test.ts`
  return pathsIn(dirname(join('test', file)), /./).some((path) => basename(path) === basename(file))
}
