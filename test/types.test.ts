import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackInto } from './support/packed-plugin'
import { repository, runScript } from './support/run'
import { makeTempDir, removeTempDir } from './support/temp-dir'

const DOCUMENT = readFileSync(join(repository, 'docs/types.md'), 'utf8')
const [, EXAMPLE = ''] = /```ts\n([^]*?)```/.exec(DOCUMENT) ?? []

const OPTIONS = {
  target: 'ES2022',
  module: 'node16',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  types: ['node'],
  noEmit: true,
}

const MISTAKES: [string, string, RegExp][] = [
  [
    'a transaction that may be gone',
    EXAMPLE.replace('if (!transaction) return next()\n', ''),
    /'transaction' is possibly 'null'|does not exist on type 'Transaction \| null'/,
  ],
  [
    'a misspelt member',
    EXAMPLE.replace('mail_from.format()', 'mailfrom.format()'),
    /Property 'mailfrom' does not exist/,
  ],
  [
    'a use at run time: there is nothing but types',
    "import { stop } from 'haraka-plugin-tdc/haraka'\nstop()\n",
    /has no exported member 'stop'/,
  ],
  [
    'a part of the plugin that is not exported',
    "import { Pool } from 'haraka-plugin-tdc/dist/all'\nnew Pool()\n",
    /Cannot find module/,
  ],
]

describe('the types for writers of other plugins', function () {
  this.timeout(120_000)
  let project: string

  before(async () => {
    project = makeTempDir('types')
    await unpackInto(project)
    mkdirSync(join(project, 'node_modules/@types'))
    for (const name of ['@types/node', 'undici-types']) {
      symlinkSync(join(repository, 'node_modules', name), join(project, 'node_modules', name))
    }
    writeFileSync(join(project, 'package.json'), '{"name": "haraka-plugin-other"}')
  })
  after(() => removeTempDir(project))

  /** What the compiler says of each file: one run for all of them. */
  async function complaints(
    sources: Readonly<Record<string, string>>,
    options: object = {},
  ): Promise<(file: string) => string> {
    for (const [file, source] of Object.entries(sources)) {
      writeFileSync(join(project, file), source)
    }
    const compilerOptions = { ...OPTIONS, ...options }
    const config = { compilerOptions, files: Object.keys(sources) }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
    const said = await runScript('typescript/bin/tsc', ['-p', project], { cwd: project }).catch(
      (error: Error) => error.message,
    )
    const lines = said.split('\n')
    return (file) => lines.filter((line) => line.startsWith(`${file}(`)).join('\n')
  }

  it('compile the plugin of docs/types.md, strictly, and find its mistakes', async () => {
    assert.ok(EXAMPLE.includes('register_hook'))
    const said = await complaints({
      'example.ts': EXAMPLE,
      ...Object.fromEntries(MISTAKES.map(([, source], at) => [`mistake${at}.ts`, source])),
    })
    assert.equal(said('example.ts'), '')
    for (const [at, [what, , complaint]] of MISTAKES.entries()) {
      assert.match(said(`mistake${at}.ts`), complaint, what)
    }
  })

  it('compile for a bundler too', async () => {
    const bundler = { module: 'esnext', moduleResolution: 'bundler' }
    const said = await complaints(
      { 'example.ts': EXAMPLE, 'wrong.ts': 'const x: string = 1' },
      bundler,
    )
    assert.equal(said('example.ts'), '')
    assert.notEqual(said('wrong.ts'), '')
  })

  it('are all in the table of docs/types.md, and no other', () => {
    const source = readFileSync(join(repository, 'plugins/tdc/haraka/types.ts'), 'utf8')
    const exported = [...source.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, n]) => n)
    const table = DOCUMENT.slice(DOCUMENT.indexOf('| type '))
    const listed = [...table.matchAll(/^\| (`[^|]+?) +\|/gm)].flatMap(([, names = '']) =>
      names.split(', ').map((name) => name.replaceAll('`', '')),
    )
    assert.deepEqual(listed.sort(), exported.sort())
  })
})
