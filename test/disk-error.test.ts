import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Disk, systemDisk } from '../plugins/tdc/queue/disk'
import { diskErrorText } from '../plugins/tdc/queue/disk-error'
import { makeTempDir, removeTempDir } from './support/temp-dir'

describe('what the log says of a disk error', () => {
  let folder: string
  beforeEach(() => {
    folder = makeTempDir('disk-error')
    writeFileSync(join(folder, 'file'), 'x')
    mkdirSync(join(folder, 'full', 'folder'), { recursive: true })
  })
  afterEach(() => removeTempDir(folder))

  const real: [
    says: string,
    work: (disk: Disk, at: (name: string) => string) => Promise<unknown>,
  ][] = [
    ['opening failed (ENOTDIR)', (disk, at) => disk.readStart(at('file/x'), 1)],
    ['opening failed (EEXIST)', (disk, at) => disk.create(at('file'))],
    ['listing the folder failed (ENOTDIR)', (disk, at) => disk.visit(at('file'), () => {})],
    ['renaming failed (ENOTEMPTY)', (disk, at) => disk.rename(at('full/folder'), at('full'))],
    ['removing failed (ENOTDIR)', (disk, at) => disk.unlink(at('file/x'))],
    ['making the folder failed (ENOTDIR)', (disk, at) => disk.makeFolder(at('file/x'))],
    ['statfs failed (ENOTDIR)', (disk, at) => disk.free(at('file/x'))],
    ['it is no file (EISDIR)', (disk, at) => disk.readStart(at('full'), 1)],
    [
      'the queue file or directory is gone (ENOENT)',
      (disk, at) => disk.readStart(at('nothing'), 1),
    ],
  ]
  for (const [says, work] of real) {
    it(`${says}, of a real one`, async () => {
      const told = await work(systemDisk, (name) => join(folder, name)).then(
        () => 'it went well',
        diskErrorText,
      )
      assert.equal(told, says)
    })
  }

  const made: [given: object | string, says: string][] = [
    [{ code: 'EACCES', syscall: 'open' }, 'no permission: opening failed (EACCES)'],
    [{ code: 'EPERM', syscall: 'unlink' }, 'no permission: removing failed (EPERM)'],
    [{ code: 'ESTALE', syscall: 'read' }, 'reading failed (ESTALE)'],
    [{ code: 'ESTALE', syscall: 'write' }, 'writing failed (ESTALE)'],
    [{ code: 'ESTALE', syscall: 'fsync' }, 'making it durable failed (ESTALE)'],
    [{ code: 'ESTALE' }, 'the disk failed (ESTALE)'],
    [new Error('9 of 10 octets'), '9 of 10 octets'],
    ['what nobody expects', 'what nobody expects'],
  ]
  for (const [given, says] of made) {
    it(`${says}, of ${JSON.stringify(given)}`, () => assert.equal(diskErrorText(given), says))
  }
})
