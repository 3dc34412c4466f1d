import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repository, run } from './run'
import { makeTempDir } from './temp-dir'

export const pluginName = 'haraka-plugin-tdc'

let packed: Promise<string> | undefined

/** The path of the tarball that `npm pack` makes; made once per process, from a fresh build. */
export function packPlugin(): Promise<string> {
  packed ??= pack()
  return packed
}

/**
 * Puts the packed plugin into a server directory as npm would, without a network: the tarball is
 * unpacked, and the dependencies that npm would fetch are links to this repository's.
 */
export async function unpackInto(serverDir: string): Promise<void> {
  const target = join(serverDir, 'node_modules', pluginName)
  mkdirSync(target, { recursive: true })
  await run('tar', ['-xzf', await packPlugin(), '-C', target, '--strip-components=1'])
  for (const name of Object.keys(manifest(target).dependencies ?? {})) {
    const link = join(serverDir, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(repository, 'node_modules', name), link)
  }
}

/**
 * What an administrator does: `npm install <tarball>` in the server directory, and as a careful one
 * does it: nothing that comes along is run. Needs a registry.
 */
export async function npmInstallInto(serverDir: string): Promise<void> {
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', await packPlugin()]
  await run('npm', args, {
    cwd: serverDir,
    env: outsideNpm(),
    milliseconds: 180_000,
  })
}

async function pack(): Promise<string> {
  await buildIfOlder()
  const dir = makeTempDir('pack')
  // Without scripts: prepare would build once more.
  const args = ['pack', '--offline', '--ignore-scripts', '--silent', '--pack-destination', dir]
  await run('npm', args, { env: outsideNpm() })
  const [tarball] = readdirSync(dir)
  if (tarball === undefined) throw new Error('npm pack made no file')
  return join(dir, tarball)
}

/** Builds the plugin unless `dist/` is newer than every source. */
export async function buildIfOlder(): Promise<void> {
  const sources = ['plugins', 'web', 'package.json', 'scripts'].map((name) =>
    join(repository, name),
  )
  if (newest(join(repository, 'dist')) > Math.max(...sources.map(newest))) return
  await run(process.execPath, ['scripts/build.js'])
}

/** The latest modification time of the file, or of the files below the directory; 0 for none. */
function newest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function manifest(packageDir: string): { dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
}

/** npm's own variables, as they stand when npm runs the tests, would direct the inner npm. */
export function outsideNpm(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
}
