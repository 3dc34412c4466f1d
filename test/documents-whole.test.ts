import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { helpLines } from '../plugins/tdc/cli/run'
import { linesOf } from '../plugins/tdc/monitor/lines'
import { codeIn, commandsOfProgram, DOCUMENTS, isTest, pathsIn, textOf } from './support/documents'
import { eventsWith } from './support/events'
import { schemaFile } from './support/answer-schemas'
import { manPage } from './support/man-page'
import { iniOf, PARTS, partsIn, remade } from './support/generated'
import { repository } from './support/run'

const MAN_PAGE = 'man/haraka-tdc.1'
const SETTINGS = 'config/tdc.ini'
const SCHEMAS = 'docs/answers.schema.json'

describe('the documents leave nothing out:', () => {
  it('README is read in two minutes: 8 KB, 100 columns', () => {
    const text = textOf('README.md')
    assert.ok(Buffer.byteLength(text) <= 8192, `${Buffer.byteLength(text)} octets`)
    assert.deepEqual(
      text.split('\n').filter((line) => line.length > 100),
      [],
    )
  })

  it('docs/README.md is the index of all of them', () => {
    const index = textOf('docs/README.md')
    const links = [...index.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
    const expected = [...DOCUMENTS.keys()].map((path) => relative('docs', path))
    assert.deepEqual(links.sort(), expected.filter((path) => path !== 'README.md').sort())
  })

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

describe('parts of the documents that are made of the code', () => {
  for (const [path, document] of DOCUMENTS) {
    if (partsIn(document).length === 0) continue
    it(`stand in ${path} as the code has them (npm run docs)`, async () => {
      const now = await remade(join(repository, path), document)
      if (process.env['UPDATE']) writeFileSync(join(repository, path), now)
      else assert.equal(document, now)
    })
  }

  it('are the manual page as a whole (npm run docs)', () => {
    const page = manPage(commandsOfProgram().values())
    if (process.env['UPDATE']) writeFileSync(join(repository, MAN_PAGE), page)
    else assert.equal(textOf(MAN_PAGE), page)
  })

  it('are the keys of config/tdc.ini (npm run docs)', () => {
    const file = textOf(SETTINGS)
    if (process.env['UPDATE']) writeFileSync(join(repository, SETTINGS), iniOf(file))
    else assert.equal(file, iniOf(file))
    const changed = file.replace(';max_age=120', ';max_age=121')
    assert.notEqual(changed, file)
    assert.notEqual(changed, iniOf(changed))
  })

  it('are the schemas of answers as a whole (npm run docs)', () => {
    const file = `${JSON.stringify(schemaFile())}\n`
    if (process.env['UPDATE']) writeFileSync(join(repository, SCHEMAS), file)
    else assert.equal(textOf(SCHEMAS), file)
  })

  it('stand in one document, each of them', () => {
    const written = [...DOCUMENTS.values()].flatMap(partsIn)
    assert.ok(PARTS.size > 20, 'there are parts')
    assert.deepEqual(written.sort(), [...PARTS.keys()].sort())
  })

  it('are not what the code has, where one was changed by hand (control)', async () => {
    const path = join(repository, 'docs/settings.md')
    const document = DOCUMENTS.get('docs/settings.md') ?? ''
    const changed = document.replace('`max_age`', '`max_aeg`')
    assert.notEqual(changed, document)
    assert.notEqual(changed, await remade(path, changed))
  })

  for (const [name, command] of commandsOfProgram()) {
    it(`tell every option of haraka-tdc ${name}, and no other`, () => {
      const told = new Set(
        helpLines(command)
          .join('\n')
          .match(/(?<=(^|\s)--)[a-z-]+/g),
      )
      assert.deepEqual([...told].sort(), Object.keys(command.options).sort())
    })
  }
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
