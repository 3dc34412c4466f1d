import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

/** Made of web/ by scripts/build.js; as far from here as from this code in dist/. */
const FOLDER = join(__dirname, '../../../dist/page')

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
}

/** Of the package uplot, which draws the charts. */
const PLOT: Readonly<Record<string, readonly [file: string, type: string]>> = {
  'uplot.js': ['uplot/dist/uPlot.iife.min.js', SCRIPT],
  'uplot.css': ['uplot/dist/uPlot.min.css', CSS],
}

/** The files of the page by name, read once: a request names one of them or nothing. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const own = Object.entries(TYPES).map(([name, type]) => [name, join(FOLDER, name), type] as const)
  const plot = Object.entries(PLOT).map(
    ([name, [file, type]]) => [name, require.resolve(file), type] as const,
  )
  return new Map(
    [...own, ...plot].map(([name, path, type]) => [name, { type, body: readFileSync(path) }]),
  )
}
