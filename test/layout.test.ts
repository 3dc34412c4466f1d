import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'

const ROOT = resolve(__dirname, '../plugins')

/** What all may use. */
const LEAVES = ['base', 'clock']

/**
 * Which folder may import which (docs/architecture.md). A folder may always import itself; the connector
 * joins all.
 */
const ALLOWED: Record<string, readonly string[]> = {
  base: [],
  'clock.ts': [],
  monitor: [...LEAVES],
  settings: ['monitor', ...LEAVES],
  journal: [...LEAVES],
  smtp: ['monitor', ...LEAVES],
  // Finds where to go and what must be true there; that is said in the words of who speaks.
  route: [
    'smtp/dane-chain',
    'smtp/options',
    'smtp/outcome',
    'smtp/tls',
    'smtp/tls-failure',
    'smtp/tlsa',
    'monitor',
    ...LEAVES,
  ],
  delivery: ['smtp', 'route', 'monitor', ...LEAVES],
  control: ['cluster', 'queue', 'decide', 'haraka', 'settings', 'monitor', ...LEAVES],
  cluster: ['settings', 'monitor', 'queue/disk', 'queue/found-file', ...LEAVES],
  cli: [
    'cluster',
    'control',
    'queue',
    'delivery',
    'route',
    'smtp',
    'decide',
    'doctor',
    'haraka',
    'settings',
    'monitor',
    ...LEAVES,
  ],
  doctor: ['queue/log/format', ...LEAVES],
  decide: ['settings', 'monitor', ...LEAVES],
  web: ['cluster', 'control', 'settings', 'monitor', ...LEAVES],
  haraka: ['decide', 'settings', 'monitor', ...LEAVES],
  queue: [
    'haraka',
    'decide',
    'settings',
    'journal',
    'delivery',
    'smtp/outcome',
    'smtp/outgoing',
    'monitor',
    ...LEAVES,
  ],
}
const JOINING = new Set([
  'compose.ts',
  'examination.ts',
  'settings-layers.ts',
  'forwarding.ts',
  'message-decisions.ts',
  'writing.ts',
  'own-reports.ts',
  'write-ahead.ts',
])

describe('layout', () => {
  const files = sourceFiles(join(ROOT, 'tdc'))

  it('has no folder that the table does not know', () => {
    const known = new Set([...Object.keys(ALLOWED), ...JOINING])
    assert.deepEqual(
      readdirSync(join(ROOT, 'tdc')).filter((name) => !known.has(name)),
      [],
    )
  })

  it('imports go one way', () => {
    const wrong = files.flatMap((file) => forbiddenImports(file, readFileSync(file, 'utf8')))
    assert.deepEqual(wrong, [])
  })

  it('finds an import that goes the wrong way (control)', () => {
    const file = join(ROOT, 'tdc/journal/report.ts')
    assert.equal(forbiddenImports(file, "import { x } from '../settings/settings'").length, 1)
    assert.equal(forbiddenImports(file, "import { x } from './boundary'").length, 0)
  })

  it('a file is one idea: at most 350 lines', () => {
    const long = files.filter((file) => readFileSync(file, 'utf8').split('\n').length > LONGEST + 1)
    assert.deepEqual(
      long.map((file) => relative(ROOT, file)),
      [],
    )
  })

  it('no two files have one name', () => {
    const names = files.map((file) => basename(file))
    assert.deepEqual(
      names.filter((name, at) => names.indexOf(name) !== at),
      [],
    )
  })

  it('no two files export one name', () => {
    const homes = new Map<string, string[]>()
    for (const file of files.filter((each) => !each.endsWith('.d.ts'))) {
      for (const name of exportsOf(readFileSync(file, 'utf8'))) {
        homes.set(name, [...(homes.get(name) ?? []), relative(ROOT, file)])
      }
    }
    const doubled = [...homes].filter(([, all]) => all.length > 1)
    assert.deepEqual(doubled, [])
  })

  it('finds what a file exports (control)', () => {
    const text = 'export function a() {}\nexport type B = 1\nconst c = 1\nexport const d = 2\n'
    assert.deepEqual(exportsOf(text), ['a', 'B', 'd'])
  })

  /** The files of the plugin in which this stands. */
  const filesWith = (pattern: RegExp) =>
    [...files, join(ROOT, 'tdc.ts')]
      .filter((file) => pattern.test(readFileSync(file, 'utf8')))
      .map((file) => relative(ROOT, file))

  it('only monitor/event-table.ts words a line of the log', () => {
    assert.deepEqual(filesWith(/[`']TDC: /), ['tdc/monitor/event-table.ts'])
  })

  it('only clock.ts asks for the time or sets a timer, and nobody throws dice unasked', () => {
    assert.deepEqual(filesWith(OWN_TIME), ['tdc/clock.ts'])
    assert.deepEqual(filesWith(/\bMath\.random\(/), [])
  })

  it('the clock of the system is put in at the edge only', () => {
    const isEdge = (file: string) => folderOf(join(ROOT, file)) === 'cli' || file === 'tdc/clock.ts'
    const joining = new Set([...JOINING].map((file) => `tdc/${file}`))
    const inside = filesWith(/\bsystemClock\b/).filter(
      (file) => !isEdge(file) && !joining.has(file),
    )
    assert.deepEqual(inside, [])
  })

  const times: [text: string, isOwn: boolean][] = [
    ['const now = Date.now()', true],
    ['performance.now()', true],
    ['then(() => setTimeout(done, 1))', true],
    ['setInterval(look, 1)', true],
    ['at: new Date()', true],
    ['socket.setTimeout(1)', false],
    ['new Date(at)', false],
    ['clock.after(1, done)', false],
  ]
  for (const [text, isOwn] of times) {
    it(`${isOwn ? 'finds' : 'allows'} ${text} (control)`, () => {
      assert.equal(OWN_TIME.test(text), isOwn)
    })
  }
})

/** Lines. */
const LONGEST = 350

function exportsOf(text: string): string[] {
  const declared = text.matchAll(
    /^export (?:async )?(?:abstract )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm,
  )
  return [...declared].map(([, name = '']) => name)
}

/** Time that no test can move. A socket's own timer is none. */
const OWN_TIME =
  /\bDate\.now\(|\bperformance\.now\(|(?<![.\w])set(Timeout|Interval)\(|\bnew Date\(\)/

function forbiddenImports(file: string, text: string): string[] {
  const own = folderOf(file)
  if (JOINING.has(own)) return []
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
    .map(([, path]) => resolve(dirname(file), path ?? ''))
    .filter((target) => !mayImport(own, target))
    .map((target) => `${relative(ROOT, file)} imports ${relative(ROOT, target)}`)
}

function mayImport(own: string, target: string): boolean {
  const path = relative(join(ROOT, 'tdc'), target)
  return path.startsWith(`${own}/`) || (ALLOWED[own] ?? []).some((ok) => isBelow(path, ok))
}

function isBelow(path: string, allowed: string): boolean {
  return path === allowed || path.startsWith(`${allowed}/`)
}

function folderOf(file: string): string {
  return relative(join(ROOT, 'tdc'), file).split('/')[0] ?? ''
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? sourceFiles(path) : [path]
  })
}
