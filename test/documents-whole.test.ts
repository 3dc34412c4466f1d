import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { linesOf } from '../plugins/tdc/monitor/lines'
import { SECTIONS } from '../plugins/tdc/settings/keys'
import { codeIn, commandsOfProgram, isTest, pathsIn, textOf } from './support/documents'
import { eventsWith } from './support/events'
import { repository } from './support/run'

const README = textOf('README.md')

describe('the documents leave nothing out:', () => {
  const commands = commandsOfProgram()
  it('have commands of haraka-tdc to look for', () => assert.ok(commands.size > 10))

  for (const [name, { options }] of commands) {
    it(`README has haraka-tdc ${name}, with its options and no other`, () => {
      const said = new Set(rowsOf(name).flatMap((row) => row.match(/(?<=--)[a-z-]+/g) ?? []))
      assert.notEqual(rowsOf(name).length, 0, 'it is in no table')
      // Those that share a row share the options that it names.
      const names = rowsOf(name).flatMap(namesIn)
      const known = names.flatMap((each) => Object.keys(commands.get(each)?.options ?? {}))
      assert.deepEqual(
        [...said].filter((option) => !known.includes(option)),
        [],
      )
      assert.deepEqual(
        Object.keys(options).filter((option) => !said.has(option)),
        [],
      )
    })
  }

  /** Of README's tables, where the first cell names the command. */
  function rowsOf(command: string): string[] {
    return README.split('\n').filter((row) => namesIn(row).includes(command))
  }

  function namesIn(row: string): string[] {
    const [, cell = ''] = row.split(/(?<!\\)\|/)
    const spans = [...cell.matchAll(/`([a-z-]+)(?: [^`]*)?`/g)].map(([, name = '']) => name)
    return spans.filter((name) => commands.has(name))
  }

  for (const [section, keys] of Object.entries(SECTIONS)) {
    for (const [name, { text }] of Object.entries(keys)) {
      it(`README has [${section}] ${name}${text && `, default ${text}`}`, () => {
        const said = defaultOf(section, name)
        assert.notEqual(said, undefined, 'it is nowhere')
        // Of a key that is unset some say what holds then.
        if (text !== '') assert.equal(said, text)
      })
    }
  }

  it('docs/flow.md has every hook, and each is a function of the plugin', () => {
    const [flow, plugin] = [textOf('docs/flow.md'), textOf('plugins/tdc.ts')]
    const hooks = [...plugin.matchAll(/register_hook\('(\w+)', '(\w+)'/g)]
    assert.ok(hooks.length > 10, 'the hooks were found')
    const wrong = hooks.flatMap(([, hook, name = '']) =>
      flow.includes(`**${name}**`) &&
      flow.includes(`\`${hook}\``) &&
      plugin.includes(`export function ${name}(`)
        ? []
        : [name],
    )
    assert.deepEqual(wrong, [])
  })

  it('docs/log-reference.md has every line of the log', () => {
    const code = codeIn(textOf('docs/log-reference.md'))
    const forms = code.filter((each) => /^[A-Z]+\w*:? [\w<]/.test(each)).map(formOf)
    // What these say is written where they are reported.
    const free = ['effective', 'problem', 'warning']
    const events = eventsWith(WHY).filter(({ kind }) => !free.includes(kind))
    const lines = events.flatMap((event) => linesOf(event, 'NAME').map(({ text }) => text))
    assert.ok(lines.length > 50, 'there are lines')
    assert.deepEqual(
      lines.filter((line) => !forms.some((form) => form.test(line))),
      [],
    )
  })

  it('docs/architecture.md has every part, and no other', () => {
    const [, parts = ''] =
      /\n## Parts\n\n```\n([^]*?)\n```/.exec(textOf('docs/architecture.md')) ?? []
    const said = [...parts.matchAll(/\b([\w-]+(?:\.ts|\/))(?=\s|,|;)/g)].map(
      ([, name = '']) => name,
    )
    const there = readdirSync(join(repository, 'plugins', 'tdc'), { withFileTypes: true })
    assert.deepEqual(
      said.filter((name) => !['tdc.ts', 'tdc/', 'web/'].includes(name)).sort(),
      there
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .filter((name) => name !== 'web/')
        .sort(),
    )
  })

  it('docs/reliability.md has a test that exists for every attack', () => {
    const [, attacks = ''] = /\n## Attacks\n([^]*)/.exec(textOf('docs/reliability.md')) ?? []
    const rows = attacks.split('\n').filter((line) => /^\| (?!-)/.test(line))
    assert.ok(rows.length > 20, 'the table was found')
    const cases = pathsIn('test/faults', /^r\d/).map((path) => basename(path))
    for (const row of rows.slice(1)) {
      const [, , , shownBy = ''] = row.split(/(?<!\\)\|/)
      const tests = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
      const numbers = [...shownBy.matchAll(/\bR(\d+)\b/g)].map(([, number = '']) => number)
      assert.ok(tests.length + numbers.length > 0, row)
      for (const name of tests) assert.ok(isTest(name), name)
      for (const number of numbers) {
        const begin = `r${number.padStart(2, '0')}-`
        assert.ok(
          cases.some((file) => file.startsWith(begin)),
          `R${number}`,
        )
      }
    }
  })
})

/** In the place of each value of a line: one of them is given in words. */
const WHY = 'Redis has none'

/** What a line may be that stands as `TDC: MID <mid> expired after <n> seconds: ...`. */
function formOf(line: string): RegExp {
  const parts = line.split(/(<[^>]+>|\.\.\.$|\bN\b|\b\d+\b|\w+\\\|\w+)/)
  const pattern = parts.map((part, at) => {
    if (at % 2 === 0) return part.replace(/[^\w\s]/g, '\\$&')
    if (part.startsWith('<') || part === '...') return '.*'
    return part.includes('|') ? `(${part.replace('\\', '')})` : '-?\\d+'
  })
  return new RegExp(`^${pattern.join('')}$`)
}

/** What README says of a key's default, '' where it is in words; undefined: it is not there. */
function defaultOf(section: string, key: string): string | undefined {
  for (const part of README.split(/\n(?=##)/)) {
    const [heading = ''] = part.split('\n', 1)
    const isOwn = heading.includes(`[${section}]`) || part.includes(`\n| \`[${section}]\``)
    for (const row of part.split('\n').filter((line) => line.startsWith('| '))) {
      const [, names = '', standing = ''] = row.split(/(?<!\\)\|/)
      const written = [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
      const isTold = written[0]?.startsWith(`${section}.`) ?? false
      const at = written.map((name) => bare(name, section)).indexOf(key)
      if (at < 0 || !(isOwn || isTold)) continue
      const [, value = ''] = /`([^`]+)`/.exec(standing) ?? []
      // Several keys in a row have one default, or as many in their order.
      return value.split(' ').length === written.length ? value.split(' ')[at] : value
    }
    const isProse = !part.includes('\n| ') && isOwn
    if (isProse && new RegExp(`\`${key}(\\[\\])?\``).test(part)) return ''
  }
  return undefined
}

function bare(name: string, section: string): string {
  return name.replace(`${section}.`, '').replace('[]', '')
}
