import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pluginName } from '../support/packed-plugin'
import { repository, run } from '../support/run'
import { makeTempDir } from '../support/temp-dir'

/** Version 0.2.0, as it was tagged. */
export const OLD = '76d6a9d'

let built: Promise<string> | undefined

/** Puts an older version, built from this repository's history, into a server directory. */
export async function installOld(serverDir: string): Promise<void> {
  const target = join(serverDir, 'node_modules', pluginName)
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(await (built ??= build()), target)
}

async function build(): Promise<string> {
  const dir = makeTempDir('old-build')
  const archive = execFileSync('git', ['archive', OLD], { cwd: repository, maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x', '-C', dir], { input: archive })
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'))
  await run(join(repository, 'node_modules', '.bin', 'tsc'), ['-p', join(dir, 'tsconfig.json')])
  return dir
}
