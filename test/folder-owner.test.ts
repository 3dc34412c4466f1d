import assert from 'node:assert/strict'
import { chownSync, existsSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { makeTempDir } from './support/temp-dir'

/** On every system some user who is not root. */
const NOBODY = 65534

describe('folders beside the queue', () => {
  it('are not made where there is no queue: its disk may not be mounted', async () => {
    const queue = makeTempDir('queue')
    renameSync(queue, `${queue}.away`)
    for (const folder of ['', 'lost', 'arriving/x']) {
      const made = systemDisk.makeFolder(join(queue, 'error.tdc', folder))
      await assert.rejects(made, { code: 'ENOENT' })
    }
    assert.ok(!existsSync(queue))
    renameSync(`${queue}.away`, queue)
    await systemDisk.makeFolder(join(queue, 'error.tdc/arriving/x'))
  })

  it('are for the user of the queue directory, also when root makes them', async function () {
    // Only root can make something for somebody else.
    if (process.getuid?.() !== 0) return this.skip()
    const queue = makeTempDir('queue')
    chownSync(queue, NOBODY, NOBODY)
    const folder = join(queue, 'error.tdc', 'kept')
    await systemDisk.makeFolder(folder)
    await systemDisk.makeFolder(folder)
    const owners = [dirname(folder), folder].map((path) => statSync(path))
    assert.deepEqual(
      owners.map(({ uid, gid, mode }) => [uid, gid, mode & 0o777]),
      [
        [NOBODY, NOBODY, 0o700],
        [NOBODY, NOBODY, 0o700],
      ],
    )
  })
})
