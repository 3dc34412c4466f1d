import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pluginName, unpackInto } from '../support/packed-plugin'

/** In a source, by its path below plugins/, `from`, which must stand there exactly once, becomes `to`. */
export type Change = readonly [file: string, from: string, to: string]

/**
 * Puts a build into a server directory that is worse than ours in some places: what a case finds wrong
 * with it shows that the case can fail.
 */
export function alteredBuild(...changes: readonly Change[]) {
  return async (serverDir: string): Promise<void> => {
    await unpackInto(serverDir)
    const { buildInto } = createRequire(__filename)('../../scripts/build') as {
      buildInto(folder: string, changes: object[]): Promise<void>
    }
    const dist = join(serverDir, 'node_modules', pluginName, 'dist')
    await buildInto(
      dist,
      changes.map(([file, from, to]) => ({ file, from, to })),
    )
  }
}
