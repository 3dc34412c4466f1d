import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pluginName } from '../support/packed-plugin'
import { repository, run } from '../support/run'
import { makeTempDir } from '../support/temp-dir'

/** Version 0.2.0, as it was tagged. */
export const VERSION_0_2 = '76d6a9d'

const built = new Map<string, Promise<string>>()

/** Puts a commit of this repository's history, built, into a server directory. */
export function installed(commit: string): (serverDir: string) => Promise<void> {
  return async (serverDir) => {
    const target = join(serverDir, 'node_modules', pluginName)
    mkdirSync(dirname(target), { recursive: true })
    const build = built.get(commit) ?? buildOf(commit)
    built.set(commit, build)
    symlinkSync(await build, target)
  }
}

async function buildOf(commit: string): Promise<string> {
  const dir = makeTempDir('older-build')
  const archive = execFileSync('git', ['archive', commit], { cwd: repository, maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x', '-C', dir], { input: archive })
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'))
  await run('npm', ['run', '--silent', 'build'], { cwd: dir, milliseconds: 120_000 })
  return dir
}
