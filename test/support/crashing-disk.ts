import type { Disk, DiskFile } from '../../plugins/tdc/queue/disk'

/** A disk on which every operation from number `moment` on fails; that one itself when not `done`. */
export function crashing(disk: Disk, moment: number, done: boolean) {
  let operations = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    const at = operations++
    if (at < moment) return await work()
    if (at === moment && done) await closed(await work())
    throw Object.assign(new Error('EIO'), { code: 'EIO' })
  }
  const failing: Disk = {
    create: (path) =>
      step(async () => {
        const file = await disk.create(path)
        return {
          write: (bytes, position) => step(() => file.write(bytes, position)),
          writeDurably: (parts, position) => step(() => file.writeDurably(parts, position)),
          writeNow: (bytes, position) => file.writeNow(bytes, position),
          truncate: () => step(() => file.truncate()),
          size: () => step(() => file.size()),
          sync: () => step(() => file.sync()),
          close: () => file.close(),
        }
      }),
    rename: (from, to) => step(() => disk.rename(from, to)),
    unlink: (path) => step(() => disk.unlink(path)),
    unlinkNow: (path) => disk.unlinkNow(path),
    removeFolderNow: (path) => disk.removeFolderNow(path),
    giveAway: (path) => step(() => disk.giveAway(path)),
    exists: (path) => step(() => disk.exists(path)),
    readStart: (path, most) => step(() => disk.readStart(path, most)),
    readPart: (path, position, most) => step(() => disk.readPart(path, position, most)),
    sizeOf: (path) => step(() => disk.sizeOf(path)),
    visit: (path, seen) => step(() => disk.visit(path, seen)),
    realPath: (path) => step(() => disk.realPath(path)),
    makeFolder: (path) => step(() => disk.makeFolder(path)),
    isOpen: (path) => step(() => disk.isOpen(path)),
    free: (path) => step(() => disk.free(path)),
    syncDirectory: (path) => step(() => disk.syncDirectory(path)),
  }
  return { disk: failing, crashed: () => operations > moment }
}

/** A process that ends closes its files. */
async function closed(result: unknown): Promise<void> {
  if (typeof result === 'object' && result && 'close' in result) await (result as DiskFile).close()
}
