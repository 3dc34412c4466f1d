import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SECTIONS } from '../plugins/tdc/settings/keys'
import { codeIn, commandsOfProgram, isTest, pathsIn, textOf } from './support/documents'
import { repository } from './support/run'

const README = textOf('README.md')

describe('the documents leave nothing out:', () => {
  it('README has every command of haraka-tdc', () => {
    const names = [...commandsOfProgram().keys()]
    assert.ok(names.length > 10, 'the commands were found')
    const words = new Set(codeIn(README).flatMap((code) => code.split(' ', 1)))
    assert.deepEqual(
      names.filter((name) => !words.has(name)),
      [],
    )
  })

  for (const [section, keys] of Object.entries(SECTIONS)) {
    for (const [name, { text }] of Object.entries(keys)) {
      it(`README has [${section}] ${name}${text && `, default ${text}`}`, () => {
        const said = defaultOf(section, name)
        assert.notEqual(said, undefined, 'it is nowhere')
        // Of a key that is unset some say what holds then.
        if (text !== '' && said !== '') assert.equal(said, text)
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
