import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { complaints, HarakaServer, logText, makeServerDir } from './support/haraka'
import { packPlugin, pluginName } from './support/packed-plugin'
import { run } from './support/run'

interface Manifest {
  name: string
  main: string
  license: string
  dependencies: Record<string, string>
  bin: { 'haraka-tdc': string }
}

/** What a server needs, and nothing else. */
const ALLOWED =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|config\/.+|docs\/.+|dist\/.+\.(js|d\.ts)|web\/[a-z]+\.(css|html|js|svg))$/

describe('the package', function () {
  this.timeout(120_000)

  let server: HarakaServer
  let installed: string

  before(async () => {
    server = new HarakaServer(await makeServerDir({ plugins: ['tdc'] }))
    installed = join(server.dir, 'node_modules', pluginName)
  })

  after(() => server.remove())

  it('holds what a server needs and nothing else', async () => {
    const listing = await run('tar', ['-tzf', await packPlugin()])
    const names = listing.split('\n').filter((name) => name !== '' && !name.endsWith('/'))
    const files = names.map((name) => name.replace(/^package\//, ''))
    assert.deepEqual(
      files.filter((name) => !ALLOWED.test(name)),
      [],
    )
    for (const needed of [
      'package.json',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      'config/tdc.ini',
      'dist/tdc.js',
      'docs/flow.md',
      'docs/architecture.md',
      'docs/log-reference.md',
    ]) {
      assert.ok(files.includes(needed), `${needed} is missing`)
    }
  })

  it('is loaded by its main file, under the MIT licence', () => {
    const manifest = readManifest(installed)
    assert.equal(manifest.name, pluginName)
    assert.equal(manifest.license, 'MIT')
    assert.ok(existsSync(join(installed, manifest.main)))
  })

  it('has the command line program, which Node runs', async () => {
    const { bin } = readManifest(installed)
    const program = join(installed, bin['haraka-tdc'])
    assert.match(readFileSync(program, 'utf8'), /^#!\/usr\/bin\/env node\n/)
    chmodSync(program, 0o755) // as npm does with what `bin` names
    assert.match(await run(program, ['--help']), /^usage: haraka-tdc COMMAND /)
  })

  it('requires only Node and the packages that it depends on', () => {
    const { dependencies } = readManifest(installed)
    const known = new Set([...Object.keys(dependencies), ...builtinModules])
    for (const file of filesBelow(join(installed, 'dist'))) {
      for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/\brequire\("([^"]+)"\)/g)) {
        const foreign = !/^(\.|node:)/.test(name) && !known.has(name)
        assert.ok(!foreign, `${relative(installed, file)} requires ${name}`)
      }
    }
  })

  it('loads in a real Haraka, which then accepts mail, and is off until it is switched on', async () => {
    await server.start()
    const texts = server.log.map(logText)
    assert.deepEqual(complaints(server.log), [])
    assert.ok(
      texts.some((text) => /^TDC: .*(disabled|off)/i.test(text)),
      server.tail(),
    )
    await server.stop()
  })

  it('shows in the order of hooks', async () => {
    const order = await server.command('-o')
    assert.match(order, /Hook: data_post [^]*\btdc\b/)
  })

  it('prints its README as help, once that is linked as the README says', async () => {
    const readme = join(installed, 'README.md')
    const docs = join(server.dir, 'docs', 'plugins')
    mkdirSync(docs)
    symlinkSync(relative(docs, readme), join(docs, 'tdc.md'))
    assert.equal(await server.command('-h', 'tdc'), readFileSync(readme, 'utf8'))
  })
})

function readManifest(packageDir: string): Manifest {
  return JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as Manifest
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}
