/**
 * Lets Node load TypeScript: `node -r ./scripts/typescript FILE.ts`. Types are stripped, not checked, which
 * is what `npm run typecheck` is for. What was stripped once is kept in node_modules/.cache.
 */
'use strict'

const { createHash } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { transformSync, version } = require('esbuild')

const CACHE = join(__dirname, '../node_modules/.cache/typescript')
const OPTIONS = { loader: 'ts', format: 'cjs', target: 'node20', sourcemap: 'inline' }

mkdirSync(CACHE, { recursive: true })
process.setSourceMapsEnabled(true)

require.extensions['.ts'] = (module, path) => {
  const source = readFileSync(path, 'utf8')
  const hash = createHash('sha256').update([version, path, source].join('\0')).digest('hex')
  module._compile(read(join(CACHE, hash)) ?? stripped(source, path, join(CACHE, hash)), path)
}

function stripped(source, path, kept) {
  const { code } = transformSync(source, { ...OPTIONS, sourcefile: path })
  // Several processes may do this at once.
  writeFileSync(`${kept}.${process.pid}`, code)
  renameSync(`${kept}.${process.pid}`, kept)
  return code
}

function read(kept) {
  try {
    return readFileSync(kept, 'utf8')
  } catch {
    return undefined
  }
}
