/**
 * What an administrator does, with the real npm and its registry: `haraka -i`, `npm install` of the
 * tarball, `tdc` in config/plugins, an intake address in config/tdc.ini; then the server is started.
 */
import { complaints, logText, startHaraka } from '../support/haraka'
import { npmInstallInto } from '../support/packed-plugin'
import { within } from '../support/within'

async function main(): Promise<void> {
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

within(220_000, 'install and start', main()).then(
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
