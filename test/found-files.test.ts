import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { LastGood } from '../plugins/tdc/cluster/last-good'
import { errorCode } from '../plugins/tdc/base/error-code'
import { Copy } from '../plugins/tdc/queue/copy'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { makeFifo } from './support/fifo'
import { NOTES } from './support/queue'
import { makeTempDir, removeTempDir } from './support/temp-dir'

const LONG = 1_000_000

/** Everything that reads a file under a name which anybody may have given to something else. */
const READERS: [who: string, read: (path: string) => Promise<unknown>][] = [
  ['the beginning of a queue file', (path) => systemDisk.readStart(path, 100)],
  ['a part of a queue file', (path) => systemDisk.readPart(path, 10, 100)],
  ['a short copy', (path) => contentOf(path, 100)],
  ['a long copy', (path) => contentOf(path, LONG)],
  ['the shared settings of last time', async (path) => lastGood(path)],
]

describe('what stands under the name of a file', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = makeTempDir('found')
    path = join(folder, 'name')
  })
  afterEach(() => removeTempDir(folder))

  for (const [who, read] of READERS) {
    it(`a named pipe is not waited for: ${who}`, async () => {
      const fifo = makeFifo(path)
      await assert.rejects(read(path))
      assert.equal(fifo.rescued(), false)
      fifo.remove()
    })

    it(`a link is not followed: ${who}`, async () => {
      const target = join(folder, 'target')
      writeFileSync(target, Buffer.alloc(LONG, 'x'))
      symlinkSync(target, path)
      await assert.rejects(read(path), (error) => errorCode(error) === 'ELOOP')
    })

    it(`neither a folder nor a socket is read: ${who}`, async () => {
      mkdirSync(path)
      await assert.rejects(read(path), (error) => errorCode(error) === 'EISDIR')
      const socket = join(folder, 'socket')
      const server = await listening(socket)
      await assert.rejects(read(socket), (error) => errorCode(error) === 'ENXIO')
      server.close()
    })
  }
})

async function contentOf(path: string, octets: number): Promise<void> {
  const place = { filename: basename(path), folder: dirname(path), start: 0 }
  const content = await new Copy('T.1.tdc1', { ...NOTES, octets }, place, 0).content()
  for await (const piece of content) assert.ok(piece)
}

function lastGood(path: string): void {
  const read = new LastGood(path, systemDisk).read()
  if (read.kind === 'unreadable') throw Object.assign(new Error(), { code: read.why })
}

function listening(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server: Server = createServer().listen(path, () => resolve(server))
  })
}
