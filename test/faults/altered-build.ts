import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pluginName, unpackInto } from '../support/packed-plugin'

/**
 * Puts a build into a server directory that is worse than ours in one place: what a case finds wrong
 * with it shows that the case can fail. `file` below dist/, `from` must stand in it exactly once. With
 * `first`, that build is altered once more.
 */
export function alteredBuild(file: string, from: string, to: string, first = unpackInto) {
  return async (serverDir: string): Promise<void> => {
    await first(serverDir)
    const path = join(serverDir, 'node_modules', pluginName, 'dist', file)
    const [before, after, ...more] = readFileSync(path, 'utf8').split(from)
    if (before === undefined || after === undefined || more.length > 0) {
      throw new Error(`${file} must have "${from}" once`)
    }
    writeFileSync(path, before + to + after)
  }
}
