import assert from 'node:assert/strict'
import { builtinModules, createRequire } from 'node:module'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { complaints, HarakaServer, logText, makeServerDir } from './support/haraka'
import { buildIfOlder, packPlugin, pluginName } from './support/packed-plugin'
import { repository, run } from './support/run'

/** A package in package-lock.json. */
interface Locked {
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly engines?: Record<string, string>
}

/** The last of the oldest line that is supported. */
const OLDEST_NODE = '20.20.2'

interface Manifest {
  name: string
  main: string
  license: string
  dependencies: Record<string, string>
  bin: { 'haraka-tdc': string }
  scripts?: Record<string, string>
  gypfile?: boolean
}

/** What a server needs, and nothing else. */
const ALLOWED =
  /^(package\.json|README\.md|CHANGELOG\.md|SECURITY\.md|LICENSE|config\/.+|docs\/([a-z-]+|README)\.md|docs\/answers\.schema\.json|docs\/monitoring\/.+|dist\/[a-z-]+\.(js|d\.ts)|man\/haraka-tdc\.1|dist\/page\/[a-z]+\.(css|html|js|svg))$/

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
      'docs/README.md',
      'docs/operations.md',
      'docs/log-reference.md',
      'man/haraka-tdc.1',
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

  it('holds no part of the plugin that is not in one of four files, which can be read, and the page', () => {
    const dist = join(installed, 'dist')
    assert.deepEqual(readdirSync(dist).sort(), [
      'all.js',
      'haraka-tdc.js',
      'haraka.d.ts',
      'page',
      'tdc.js',
    ])
    // What stands in a stack trace says which source it is.
    const all = readFileSync(join(dist, 'all.js'), 'utf8').split('\n')
    for (const source of ['plugins/tdc.ts', 'plugins/tdc/cli/main.ts']) {
      assert.ok(all.includes(`// ${source}`), source)
    }
    const longest = Math.max(...all.map((line) => line.length))
    assert.ok(longest < 1_000, `a line of ${longest} characters`)
  })

  it('has at most 150 files and 1 MB', async () => {
    await buildIfOlder()
    const listing = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'])
    const [{ entryCount, unpackedSize } = { entryCount: 0, unpackedSize: 0 }] = JSON.parse(
      listing,
    ) as { entryCount: number; unpackedSize: number }[]
    console.log(`      ${entryCount} files, ${unpackedSize} octets unpacked`)
    assert.ok(entryCount > 20 && entryCount <= 150, `${entryCount} files`)
    assert.ok(unpackedSize > 500_000 && unpackedSize <= 1_000_000, `${unpackedSize} octets`)
  })

  it('says where it comes from, and where to report', () => {
    const manifest = readManifest(installed) as unknown as Record<string, unknown>
    for (const key of ['repository', 'bugs', 'homepage', 'author']) {
      assert.ok(manifest[key], `${key} is missing`)
    }
  })

  it('installs without running anything: neither it nor what it depends on has an install script', () => {
    const { packages } = JSON.parse(
      readFileSync(join(repository, 'package-lock.json'), 'utf8'),
    ) as { packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }> }
    const production = Object.entries(packages).filter(([, { dev }]) => !dev)
    assert.ok(production.length > Object.keys(readManifest(installed).dependencies).length)
    const scripted = production.filter(([path, entry]) => {
      const folder = join(repository, path)
      // An optional one may not be for this system.
      if (!existsSync(join(folder, 'package.json'))) return entry.hasInstallScript
      const { scripts = {}, gypfile } = readManifest(folder)
      const runs = ['preinstall', 'install', 'postinstall'].some((name) => name in scripts)
      return runs || gypfile || existsSync(join(folder, 'binding.gyp')) || entry.hasInstallScript
    })
    assert.deepEqual(
      scripted.map(([path]) => path),
      [],
    )
  })

  it('is developed with packages that run on the oldest Node, but for those that Haraka chooses', () => {
    const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, Locked>
    }
    const { satisfies } = createRequire(join(repository, 'node_modules/haraka/package.json'))(
      'semver',
    ) as { satisfies(version: string, range: string): boolean }
    const refusing = (without: readonly string[]) =>
      [...reached(lock.packages, without)].filter(
        (path) => !satisfies(OLDEST_NODE, lock.packages[path]?.engines?.['node'] ?? '*'),
      )
    assert.deepEqual(refusing(['haraka']), [])
    assert.notDeepEqual(refusing([]), [], 'Haraka has none any more: simplify this')
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
    assert.deepEqual(complaints(server.log).map(logText), ['TDC: there is no config/tdc.ini'])
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

/** Which packages of the lock file are there for other reasons than those at the root, by path. */
function reached(
  packages: Readonly<Record<string, Locked>>,
  without: readonly string[],
): ReadonlySet<string> {
  const found = new Set<string>()
  const { dependencies = {}, devDependencies = {} } = packages[''] ?? {}
  const open = Object.keys({ ...dependencies, ...devDependencies })
    .filter((name) => !without.includes(name))
    .map((name) => `node_modules/${name}`)
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue
    found.add(path)
    const { dependencies: own = {}, optionalDependencies: optional = {} } = packages[path] ?? {}
    for (const name of Object.keys({ ...own, ...optional })) {
      // The nearest folder above that has it, as Node looks for it.
      let folder: string = path
      while (folder !== '' && !(`${folder}/node_modules/${name}` in packages)) {
        folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))
      }
      open.push(folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`)
    }
  }
  return found
}

function readManifest(packageDir: string): Manifest {
  return JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as Manifest
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}
