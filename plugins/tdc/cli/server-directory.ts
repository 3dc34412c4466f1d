import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EXIT, Stop } from './exit-code'

/** Haraka's own server directories have this file. */
const SIGN = join('config', 'plugins')

/** Where `-c`, the environment or the working directory point: Haraka's server directory. */
export function serverDirectory(given: string | undefined, env = process.env): string {
  const wanted = given ?? env['HARAKA']
  const directory = resolve(wanted ?? '.')
  if (existsSync(join(directory, SIGN))) return directory
  const hint = wanted === undefined ? '; name it with -c DIR, or in HARAKA' : ''
  throw new Stop(
    EXIT.usage,
    `${directory} is no server directory of Haraka, it has no ${SIGN}${hint}`,
  )
}
