/**
 * `npm run build`: the plugin as it is shipped, in dist/. all.js has all of it in one file, in lines of some
 * 100 characters with the names of the sources; a line names the source of what follows, so that a stack
 * trace can be read. Its blanks would take 100 KB more. tdc.js is what
 * Haraka loads of it, haraka-tdc.js the command line, haraka.d.ts the types for writers of other
 * plugins. What package.json depends on stays outside.
 */
'use strict'

const {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} = require('node:fs')
const { dirname, join, relative, resolve } = require('node:path')
const { build } = require('esbuild')
const ts = require('typescript')

const ROOT = resolve(__dirname, '..')
const SOURCES = join(ROOT, 'plugins')

const ALL = "export * as plugin from './tdc'\nexport { main } from './tdc/cli/main'\n"
/** A comment that esbuild leaves where it stands. */
const SOURCE_MARK = '//! '

const FILES = {
  'tdc.js': "module.exports = require('./all').plugin\n",
  'haraka-tdc.js': "#!/usr/bin/env node\nrequire('./all').main()\n",
}

/**
 * Builds into `folder`. Each of `changes` is `{ file, from, to }`: in that source, below plugins/, `from`,
 * which must stand there exactly once, becomes `to`.
 */
async function buildInto(folder, changes = []) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const { outputFiles } = await build({
    stdin: { contents: ALL, resolveDir: SOURCES, sourcefile: 'all.js' },
    absWorkingDir: ROOT,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
    charset: 'utf8',
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 100,
    legalComments: 'inline',
    logLevel: 'warning',
    plugins: [sources(changes)],
  })
  writeFileSync(join(folder, 'all.js'), outputFiles[0].text.replaceAll(SOURCE_MARK, '\n// '))
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
  chmodSync(join(folder, 'haraka-tdc.js'), 0o755)
  await buildPage(join(folder, 'page'))
  writeFileSync(join(folder, 'haraka.d.ts'), typesOf(join(SOURCES, 'tdc/haraka/types.ts')))
}

/** What the browser gets: one script and one style sheet, minified. */
async function buildPage(folder) {
  await build({
    entryPoints: ['web/page.js', 'web/page.css'],
    absWorkingDir: ROOT,
    outdir: folder,
    bundle: true,
    minify: true,
    target: 'es2022',
    format: 'esm',
    charset: 'utf8',
    logLevel: 'warning',
  })
  for (const name of ['page.html', 'login.html', 'icon.svg']) {
    copyFileSync(join(ROOT, 'web', name), join(folder, name))
  }
}

function sources(changes) {
  return {
    name: 'sources',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(SOURCES, path)
        const own = changes.filter((change) => change.file === file)
        const text = own.reduce(changed, readFileSync(path, 'utf8'))
        const contents = `${SOURCE_MARK}plugins/${file}\n${placed(withoutDocs(text), dirname(file))}`
        return { contents, loader: 'ts' }
      })
    },
  }
}

function changed(text, { file, from, to }) {
  const [before, after, ...more] = text.split(from)
  if (after === undefined || more.length > 0) throw new Error(`${file} must have "${from}" once`)
  return before + to + after
}

/** What is written for readers of the sources is 40 KB that no server needs. */
function withoutDocs(text) {
  return text.replace(/^ *\/\*\*[^]*?\*\/$/gm, '')
}

/** The package's own files lie as far from dist/ as from plugins/: so does each source in its folder. */
function placed(text, folder) {
  return text.replaceAll('__dirname', `(__dirname + ${JSON.stringify(`/${folder}`)})`)
}

function typesOf(path) {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(path, 'utf8'), {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: { declaration: true, isolatedDeclarations: true },
  })
  if (diagnostics.length > 0)
    throw new Error(diagnostics.map((each) => each.messageText).join('\n'))
  return outputText
}

module.exports = { buildInto }

if (require.main === module) {
  buildInto(join(ROOT, 'dist')).catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
}
