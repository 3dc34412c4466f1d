import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { buildIfOlder } from './support/packed-plugin'
import { repository } from './support/run'
import { makeTempDir } from './support/temp-dir'

/** On every system some user who is not root. */
const NOBODY = 65534

describe('haraka-tdc as another user', () => {
  it('says that it may not ask this server, and who may', async function () {
    if (process.getuid?.() !== 0) {
      console.log('      only root can become another user')
      return this.skip()
    }
    await buildIfOlder()
    const dir = makeTempDir('user')
    chmodSync(dir, 0o755)
    mkdirSync(join(dir, 'config'))
    writeFileSync(join(dir, 'config', 'plugins'), 'tdc\n')
    const path = join(dir, 'tdc.sock')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(path, resolve))
    chmodSync(path, 0o600)
    const program = join(repository, 'dist', 'haraka-tdc.js')
    const { status, stderr } = spawnSync(process.execPath, [program, 'status', '-c', dir], {
      uid: NOBODY,
      gid: NOBODY,
      encoding: 'utf8',
    })
    server.close()
    assert.equal(status, 4, stderr)
    assert.equal(
      stderr,
      `haraka-tdc: ${path} may not be used by this user: run this as the user that started Haraka, or as root\n`,
    )
  })
})
