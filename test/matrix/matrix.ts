/**
 * The tests on every version that is promised: Node.js 20, 22, 24 and 26, the oldest Haraka that is
 * supported and the newest that installs. `npm run matrix` runs the suites that meet Haraka and the
 * sockets, on the versions that are not running here; `npm run matrix -- --long` runs all tests on
 * all of them. Needs the npm registry, nothing else.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/run'
import { makeTempDir } from '../support/temp-dir'

const NODES = ['20', '22', '24', '26']
const OLDEST_HARAKA = '3.3.4'

/** Hooks, the queue item that is taken from core, files, TLS and the message's octets. */
const SHORT = ['queue-life', 'restart', 'original', 'package', 'smtp-tls', 'smtp-dialogue']
const LONG = ['**/*']

interface Tree {
  readonly folder: string
  readonly haraka: string
}

interface Row {
  readonly node: string
  readonly haraka: string
  readonly passing: number
  readonly failing: number
}

function main(long: boolean): number {
  const suites = (long ? LONG : SHORT).map((name) => `test/${name}.test.ts`)
  const rows: Row[] = []
  for (const tree of trees()) {
    for (const version of NODES) {
      // `npm test` has this one.
      if (!long && tree.folder === repository && isRunning(version)) continue
      const node = nodeOf(version)
      console.log(`\nnode ${versionOf(node)}, haraka ${tree.haraka}`)
      rows.push(row(node, tree, suites))
    }
  }
  console.log()
  for (const each of rows) console.log(JSON.stringify({ case: 'R23', ...each }))
  const bad = rows.filter(({ passing, failing }) => passing === 0 || failing > 0)
  console.log(`R23 n=${rows.length} violations=${bad.length}`)
  return bad.length
}

/** This tree, and another one with the newest Haraka when that is not what it has. */
function trees(): Tree[] {
  const here = { folder: repository, haraka: harakaIn(repository) }
  if (here.haraka !== OLDEST_HARAKA) throw new Error(`haraka ${here.haraka} is installed here`)
  const newest = npm(['view', 'haraka', 'version']).trim()
  if (newest === here.haraka) {
    console.log(`haraka ${newest} is the newest that installs, and the oldest that is supported`)
    return [here]
  }
  const folder = makeTempDir('newest-haraka')
  run('git', ['clone', '-q', repository, folder])
  npm(['ci', '--no-audit', '--no-fund'], folder)
  npm(['install', '--no-save', '--no-audit', '--no-fund', `haraka@${newest}`], folder)
  return [here, { folder, haraka: harakaIn(folder) }]
}

/** The binary of a version, from the npm packages that hold nothing else. */
function nodeOf(version: string): string {
  if (isRunning(version)) return process.execPath
  const folder = makeTempDir(`node-${version}`)
  // One test runs it as another user.
  chmodSync(folder, 0o755)
  const name = `node-${process.platform}-${process.arch}`
  npm(['install', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${version}`])
  return join(folder, 'node_modules', name, 'bin', 'node')
}

function isRunning(version: string): boolean {
  return process.version.startsWith(`v${version}.`)
}

function row(node: string, { folder, haraka }: Tree, suites: readonly string[]): Row {
  const mocha = join(folder, 'node_modules/mocha/bin/mocha.js')
  const { stdout } = spawnSync(node, [mocha, '--exit', '--reporter', 'json', ...suites], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: Infinity,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { stats, failures } = resultsIn(stdout)
  for (const { fullTitle, err } of failures) console.log(`  ${fullTitle}: ${err.message ?? ''}`)
  console.log(`  ${stats.passes} passing, ${stats.failures} failing`)
  return { node: versionOf(node), haraka, passing: stats.passes, failing: stats.failures }
}

interface Results {
  readonly stats: { readonly passes: number; readonly failures: number }
  readonly failures: readonly { fullTitle: string; err: { message?: string } }[]
}

/** mocha's JSON comes last, behind what the tests print. */
function resultsIn(output: string): Results {
  const at = output.lastIndexOf('{\n  "stats"')
  if (at < 0) return { stats: { passes: 0, failures: 0 }, failures: [] }
  return JSON.parse(output.slice(at)) as Results
}

function harakaIn(folder: string): string {
  const text = readFileSync(join(folder, 'node_modules/haraka/package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function versionOf(node: string): string {
  return run(node, ['--version']).trim()
}

function npm(args: readonly string[], cwd = repository): string {
  return run('npm', args, cwd)
}

function run(program: string, args: readonly string[], cwd = repository): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}

process.exitCode = main(process.argv.includes('--long')) === 0 ? 0 : 1
