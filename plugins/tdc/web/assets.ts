import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

/** The package's own folder of that name, as far from here as scripts/build.js lets it be from dist/. */
const FOLDER = join(__dirname, '../../../web')

const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'
const SVG = 'image/svg+xml'

const TYPES: Readonly<Record<string, string>> = {
  'page.html': HTML,
  'login.html': HTML,
  'page.css': CSS,
  'icon.svg': SVG,
  'page.js': SCRIPT,
  'ages.js': SCRIPT,
  'chart.js': SCRIPT,
  'connections.js': SCRIPT,
  'element.js': SCRIPT,
  'format.js': SCRIPT,
  'head.js': SCRIPT,
  'intakes.js': SCRIPT,
  'lists.js': SCRIPT,
  'machines.js': SCRIPT,
  'search.js': SCRIPT,
}

/** The files of the page by name, read once: a request names one of them or nothing. */
export function readAssets(): ReadonlyMap<string, Asset> {
  return new Map(
    Object.entries(TYPES).map(([name, type]) => [
      name,
      { type, body: readFileSync(join(FOLDER, name)) },
    ]),
  )
}
