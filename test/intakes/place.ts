import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { KeyAndCertificate } from '../support/certificates'
import { freePort } from '../support/postfix'
import { makeTempDir } from '../support/temp-dir'

/** Whom the copies are for, on every intake. */
export const INTAKE = { domain: 'intake.example', host: 'mx.intake.example', user: 'journal' }

/** The user that a server without one of its own stores mail as. */
export const NOBODY = 65_534

/** A folder for one server, with certificate, port and the place where it stores what it took. */
export interface Place {
  readonly dir: string
  readonly port: number
  readonly certificate: KeyAndCertificate
  /** PEM files. */
  readonly key: string
  readonly chain: string
  readonly ca: string
  /** One file for each message, in this folder or in `new` below it. */
  readonly mail: string
  write(name: string, text: string, mode?: number): string
}

export async function makePlace(
  name: string,
  certificate: KeyAndCertificate,
  caPem: string,
): Promise<Place> {
  const dir = makeTempDir(`intake-${name.replace(/[^a-z0-9]+/gi, '-')}`)
  chmodSync(dir, 0o755)
  const write = (file: string, text: string, mode = 0o644): string => {
    const path = join(dir, file)
    writeFileSync(path, text, { mode })
    return path
  }
  const mail = join(dir, 'mail')
  mkdirSync(mail)
  chmodSync(mail, 0o777)
  chownSync(mail, NOBODY, NOBODY)
  return {
    dir,
    port: await freePort(),
    certificate,
    key: write('key.pem', certificate.key, 0o600),
    chain: write('chain.pem', certificate.cert),
    ca: write('ca.pem', caPem),
    mail,
    write,
  }
}

/** What a server was writing when it ended, and has not taken. */
const UNFINISHED = /^\.|\.part$/

/** Every message that is stored there, with line ends as they are in files. */
export function storedIn({ mail }: Pick<Place, 'mail'>): string[] {
  const folders = [mail, join(mail, 'new')].filter((folder) => existsSync(folder))
  return folders.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && !UNFINISHED.test(entry.name))
      .map(({ name }) => lines(readFileSync(join(folder, name)))),
  )
}

/** With line ends as they are in files, and a space for a bare CR, as the copy has it. */
export function lines(message: Buffer): string {
  return message.toString('latin1').replaceAll('\r\n', '\n').replaceAll('\r', ' ')
}
