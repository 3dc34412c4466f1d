import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { NAMED, SECTIONS } from '../plugins/tdc/settings/keys'
import {
  anchorsOf,
  codeIn,
  commandsOfProgram,
  DOCUMENTS,
  sourcesNamed,
  targetOf,
  textOf,
} from './support/documents'
import { repository } from './support/run'

/** Options that every command of haraka-tdc has. */
const COMMON_OPTIONS = ['config', 'json', 'help']

/** Looks like a key of tdc.ini, and is a file, or a note of Haraka. */
const OTHERS = new Set(['tls.ts', 'queue.wants'])

for (const [path, document] of DOCUMENTS) {
  const code = codeIn(document)

  describe(path, () => {
    it('names source files that exist', () => {
      const words = code.flatMap((each) => each.split(/[\s,;:()'"]+/))
      const files = words.filter((word) => /^\w[\w./-]*\.(ts|mjs)$/.test(word))
      assert.deepEqual(
        files.filter((file) => !isFile(file)),
        [],
      )
    })

    it('says of no name that it is in a file which has none of it', () => {
      const placed = document.matchAll(
        /`(\w+)(?:\.(\w+))?(?:\(\))?`,?\s+(?:\(|in\s+)`([\w/-]+\.ts)`/g,
      )
      const wrong = [...placed].filter(([, first = '', second = first, file = '']) => {
        const words = new Set(sourcesNamed(file).match(/\w+/g))
        return !words.has(second) || (first !== second && !words.has(first))
      })
      assert.deepEqual(
        wrong.map(([all]) => all),
        [],
      )
    })

    it('links to what is there', () => {
      const links = [...document.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
      const inside = links.filter((link) => !/^[a-z]+:/.test(link))
      assert.deepEqual(
        inside.filter((link) => !leadsSomewhere(link)),
        [],
      )
    })

    it('names npm scripts that exist', () => {
      const { scripts } = JSON.parse(textOf('package.json')) as { scripts: object }
      const named = [...document.matchAll(/\bnpm\s+run\s+([\w:-]+)/g)].map(([, name = '']) => name)
      assert.deepEqual(
        named.filter((name) => !(name in scripts)),
        [],
      )
    })

    it('shows no command that fetches a package by its name', () => {
      assert.deepEqual(code.filter(fetches), [])
    })

    it('names commands of haraka-tdc, and options, that exist', () => {
      const commands = commandsOfProgram()
      const wrong = callsIn(code).filter(({ name, options }) => {
        const command = commands.get(name)
        const known = [...COMMON_OPTIONS, ...Object.keys(command?.options ?? {})]
        return !command || options.some((option) => !known.includes(option))
      })
      assert.deepEqual(
        wrong.map(({ all }) => all),
        [],
      )
    })

    it('has no comment behind a value, where haraka-config takes it for a part of that', () => {
      assert.deepEqual(
        code.filter((each) => /^[a-z_]+=.*\s;/.test(each)),
        [],
      )
    })

    it('names keys of tdc.ini that exist', () => {
      const named = code.flatMap((each) => [
        ...[...each.matchAll(/\[([a-z_]+(?:\.\w+)?)\] ([a-z_]+)/g)],
        ...[...each.matchAll(/^([a-z_]+)\.([a-z_]+)(?=$|=)/g)],
      ])
      const wrong = named.filter(([all, section = '', key = '']) => {
        const keys = keysOf(section)
        return keys !== undefined && !(key in keys) && !OTHERS.has(all)
      })
      assert.deepEqual(
        wrong.map(([all]) => all),
        [],
      )
    })
  })

  function leadsSomewhere(link: string): boolean {
    const { path: target, anchor } = targetOf(path, link)
    if (!existsSync(join(repository, target))) return false
    return anchor === undefined || anchorsOf(textOf(target)).has(anchor)
  }
}

describe('a command that fetches a package by its name', () => {
  const commands: [command: string, isFetching: boolean][] = [
    ['npx haraka-tdc status', true],
    ['docker exec CONTAINER npx haraka-tdc status', true],
    ['npx --yes haraka-tdc status', true],
    ['npm exec haraka-tdc status', true],
    ['npm install haraka-plugin-tdc@latest', true],
    ['npm install --ignore-scripts haraka-plugin-tdc', true],
    ['npx --no haraka-tdc status', false],
    ['node_modules/.bin/haraka-tdc status', false],
    ['npm install --ignore-scripts /path/to/haraka-plugin-tdc-0.2.0.tgz', false],
    ['npm install git+https://github.com/haraka/haraka-plugin-tdc.git', false],
  ]
  for (const [command, isFetching] of commands) {
    it(`${isFetching ? 'is' : 'is not'} ${command} (control)`, () => {
      assert.equal(fetches(command), isFetching)
    })
  }
})

/** Whether a program, or this plugin, comes from a registry where it is not installed. */
function fetches(command: string): boolean {
  return (
    /\bnpx (?!--no )|\bnpm (exec|x) (?!--no )/.test(command) ||
    /\bnpm (i|install|add) (.* )?haraka-plugin-tdc(@\S+)?( |$)/.test(command)
  )
}

/** A source of the plugin, its folders written or not; or any file, from the root or from test/. */
function isFile(name: string): boolean {
  if (sourcesNamed(name) !== '') return true
  return ['', 'test'].some((folder) => existsSync(join(repository, folder, name)))
}

function callsIn(code: readonly string[]): { all: string; name: string; options: string[] }[] {
  // In a line of the log it is the subject of a sentence.
  const shell = code.filter((each) => !each.startsWith('TDC: '))
  const calls = shell.flatMap((each) => [...each.matchAll(/\bharaka-tdc ([a-z][\w-]*)([^#|]*)/g)])
  return calls.map(([all, name = '', words = '']) => ({
    all,
    name,
    options: [...words.matchAll(/--([a-z][\w-]*)/g)].map(([, option = '']) => option),
  }))
}

/** The keys of a section; undefined: tdc.ini has none of that name. */
function keysOf(section: string): object | undefined {
  const [kind = ''] = section.split('.')
  return SECTIONS[section] ?? (Object.hasOwn(NAMED, kind) ? SECTIONS[`${kind}.NAME`] : undefined)
}
