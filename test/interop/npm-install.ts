/**
 * What an administrator does, with the real npm and its registry: `haraka -i`, `npm install` of the
 * tarball, `tdc` in config/plugins, an intake address in config/tdc.ini; then the server is started. And
 * `npm install` from git, which has to build what git does not hold.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { complaints, logText, startHaraka } from '../support/haraka'
import { npmInstallInto, outsideNpm, pluginName } from '../support/packed-plugin'
import { repository, run } from '../support/run'
import { makeTempDir } from '../support/temp-dir'
import { within } from '../support/within'

async function main(): Promise<void> {
  await fromGit()
  const server = await startHaraka({
    plugins: ['tdc'],
    config: {
      'tdc.ini':
        '[main]\nenabled=true\nintake_address=journal@intake.example\n[policy.DEFAULT]\nintake=default\n',
    },
    install: npmInstallInto,
  })
  const lines = server.log.map(logText).filter((text) => text.startsWith('TDC:'))
  console.log(lines.join('\n'))
  const bad = complaints(server.log)
  await server.remove()
  if (bad.length > 0) throw new Error(bad.join('\n'))
  if (!lines.some((text) => /enabled/.test(text))) throw new Error(`not enabled\n${server.tail()}`)
}

/** Of what is committed here: the program runs. */
async function fromGit(): Promise<void> {
  const folder = makeTempDir('from-git')
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  await run('npm', ['install', '--no-audit', '--no-fund', `git+file://${repository}`], {
    cwd: folder,
    env: outsideNpm(),
    milliseconds: 400_000,
  })
  const dist = readdirSync(join(folder, 'node_modules', pluginName, 'dist'))
  console.log(`from git: ${dist.join(' ')}`)
  const said = await run(join(folder, 'node_modules', '.bin', 'haraka-tdc'), ['--help'])
  if (!said.startsWith('usage: haraka-tdc COMMAND ')) throw new Error(said)
}

within(600_000, 'install and start', main()).then(
  () => {
    console.log('npm install: ok')
    process.exit(0)
  },
  (error: unknown) => {
    console.log(error)
    console.log('npm install: failed')
    process.exit(1)
  },
)
