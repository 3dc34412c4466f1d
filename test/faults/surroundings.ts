import { execFileSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../support/run'

/** What a result holds for: it stands beside every figure. */
export interface Surroundings {
  readonly node: string
  readonly haraka: string
  readonly plugin: string
  /** Of the folder for temporary files, where queues are. */
  readonly fileSystem: string
  readonly date: string
}

export function surroundings(): Surroundings {
  return {
    node: process.version,
    haraka: versionIn('node_modules/haraka'),
    plugin: versionIn('.'),
    fileSystem: printedBy('df', '--output=fstype', tmpdir()).split('\n')[1]?.trim() ?? 'unknown',
    date: new Date().toISOString(),
  }
}

/** Of what a case needs, what is not here. */
export function missing(needs: readonly string[]): string[] {
  return needs.filter((need) => !isHere(need))
}

function isHere(need: string): boolean {
  if (need === 'root') return process.getuid?.() === 0
  if (need === 'mounts') return succeeds(() => printedBy('unshare', '-m', 'true'))
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.some((folder) => succeeds(() => accessSync(join(folder, need), constants.X_OK)))
}

function versionIn(folder: string): string {
  const text = readFileSync(join(repository, folder, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function printedBy(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

function succeeds(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
