// The npm package smtp-server as an intake: PORT MAIL CHAIN KEY HOST; each message becomes a file in MAIL.
import { createWriteStream, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { SMTPServer } from 'smtp-server'

const [port = '', mail = '', chain = '', key = '', name = ''] = process.argv.slice(2)
let count = 0

new SMTPServer({
  name,
  cert: readFileSync(chain),
  key: readFileSync(key),
  authOptional: true,
  disabledCommands: ['AUTH'],
  disableReverseLookup: true,
  size: 62_914_560,
  onData(stream, _session, done) {
    const file = join(mail, `${process.pid}.${++count}`)
    pipeline(stream, createWriteStream(`${file}.part`), (error) => {
      if (!error) renameSync(`${file}.part`, file)
      done(error)
    })
  },
}).listen(Number(port), '127.0.0.1')
