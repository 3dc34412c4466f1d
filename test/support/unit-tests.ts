import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { repository } from './run'

/** What starts processes: a Haraka, other servers, programs that read mail. */
const STARTING = /from 'node:child_process'|from '[^']*\/packed-plugin'/

/** Runs a program to its end, and is asked for its `repository` by many that run none. */
const RUN = join(__dirname, 'run.ts')

/** They count the memory, the turns and the writes of thousands of copies: half of the time of all others. */
const COUNTING: ReadonlySet<string> = new Set([
  'bounds.test.ts',
  'bounds-turns.test.ts',
  'fleet.test.ts',
  'log-crash.test.ts',
])

/**
 * The tests of `npm run test:unit`: those that start no process, neither themselves nor by what they
 * import below test/, and count nothing that takes long.
 */
export function unitTests(): string[] {
  const folder = join(repository, 'test')
  const tests = readdirSync(folder).filter(
    (name) => name.endsWith('.test.ts') && !COUNTING.has(name),
  )
  return tests
    .map((name) => join(folder, name))
    .filter((path) => !isStarting(path))
    .map((path) => relative(repository, path))
}

/** `seen` are files that are being looked at, or were. */
function isStarting(path: string, seen = new Set<string>()): boolean {
  seen.add(path)
  if (path === RUN) return false
  const source = readFileSync(path, 'utf8')
  const imported = [...source.matchAll(/ from '(\.[^']+)'/g)].map(([, name = '']) =>
    join(dirname(path), `${name}.ts`),
  )
  const own = imported.filter((file) => existsSync(file) && !/\/plugins\/tdc/.test(file))
  return (
    STARTING.test(source) ||
    own.filter((file) => !seen.has(file)).some((file) => isStarting(file, seen))
  )
}
