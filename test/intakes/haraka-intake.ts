import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeServerDir } from '../support/haraka'
import { repository } from '../support/run'
import { Daemon } from './daemon'
import { INTAKE, type Place } from './place'
import type { IntakeServer } from './servers'

/** Stores what it takes as files. */
const STORE = (mail: string): string => `
const { createWriteStream, renameSync } = require('node:fs')
exports.hook_queue = (next, { transaction }) => {
  const file = ${JSON.stringify(mail)} + '/' + transaction.uuid
  const stream = createWriteStream(file + '.part')
  stream.on('error', () => next(DENYSOFT, 'not stored'))
  stream.on('finish', () => { renameSync(file + '.part', file); next(OK) })
  transaction.message_stream.pipe(stream)
}
`

export async function startHarakaIntake(place: Place): Promise<IntakeServer> {
  const dir = await makeServerDir({
    plugins: ['tls', 'rcpt_to.in_host_list', 'store'],
    localPlugins: { store: STORE(place.mail) },
    config: {
      me: `${INTAKE.host}\n`,
      host_list: `${INTAKE.domain}\n`,
      'smtp.ini': `[main]\nlisten=127.0.0.1:${place.port}\nnodes=0\n`,
    },
  })
  mkdirSync(join(dir, 'config/tls'), { recursive: true })
  writeFileSync(join(dir, 'config/tls_key.pem'), place.certificate.key)
  writeFileSync(join(dir, 'config/tls_cert.pem'), place.certificate.cert)
  const script = join(repository, 'node_modules/haraka/bin/haraka')
  const daemon = new Daemon([process.execPath, script, '-c', dir], place.port)
  await daemon.start()
  return { daemon }
}
