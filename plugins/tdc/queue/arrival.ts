import { dirname, join } from 'node:path'
import { inTurns } from '../base/in-turns'
import { errorCode } from '../base/error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Disk } from './disk'

/** Octets per read. */
const PIECE = 1024 * 1024

/** What a copy is called until it is complete. */
const PART = '.part'

/**
 * Brings files from another queue directory into ours. On one file system that is a rename, which is
 * the lock too. Between two, a file is there, or complete among the arrivals, or ours:
 *
 *     copy, durably, to the arrivals -> remove it there -> rename it into the queue
 *
 * What is among the arrivals has never been in the queue, so whatever ends the way in between, the
 * next call for the same directory goes on with it and nothing is sent twice. Each process has names
 * of its own there, and renames what it goes on with: so another one of this server, that is still at
 * it or begins at the same time, finds nothing there instead of the same file.
 */
export class Arrival {
  constructor(
    private readonly directory: QueueDirectory,
    private readonly disk: Disk,
    /** The other queue directory, without links. */
    readonly from: string,
  ) {}

  /**
   * Files among the arrivals: those of this directory, and of others the ones that are here too (the
   * same disk, mounted elsewhere). Name -> path.
   */
  async begun(here: ReadonlySet<string>): Promise<Map<string, string>> {
    const { arrivalsFolder } = this.directory
    const own = this.directory.arrivalFolder(this.from)
    const found = new Map<string, string>()
    for (const folder of await this.namesIn(arrivalsFolder)) {
      const path = join(arrivalsFolder, folder)
      for await (const file of inTurns(await this.namesIn(path))) {
        const name = this.directory.nameOfArrival(file)
        if (file.endsWith(PART)) await this.removePart(path, file)
        else if (path === own || here.has(name)) found.set(name, join(path, file))
      }
    }
    return found
  }

  /** None in what is no folder: whatever lies there must not stop an adoption. */
  private async namesIn(path: string): Promise<string[]> {
    const names: string[] = []
    try {
      await this.disk.visit(path, (name) => names.push(name))
    } catch (error) {
      if (errorCode(error) !== 'ENOTDIR') throw error
    }
    return names
  }

  /** Left by a crash. If it is being written, it is now our turn: its file is still where it was. */
  private async removePart(folder: string, file: string): Promise<void> {
    if (folder === this.directory.arrivalFolder(this.from)) {
      await this.disk.unlink(join(folder, file)).catch(() => {})
    }
  }

  /**
   * Moves the file `name` to `target`; `begun`: where it lies among the arrivals. Rejects with ENOENT
   * when another one took it. Before it is gone there, every failure leaves it there.
   */
  async move(name: string, begun: string | undefined, target: string): Promise<void> {
    const source = join(this.from, name)
    const folder = begun ? dirname(begun) : this.directory.arrivalFolder(this.from)
    const arrived = join(folder, this.directory.arrivalName(name))
    if (begun) {
      await this.disk.rename(begun, arrived)
      return await this.goOn(source, arrived, target)
    }
    try {
      await this.disk.rename(source, target)
    } catch (error) {
      if (errorCode(error) !== 'EXDEV') throw error
      await this.moveAcross(source, arrived, target)
    }
  }

  private async goOn(source: string, arrived: string, target: string): Promise<void> {
    try {
      await this.remove(source)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
    await this.enter(arrived, target)
  }

  private async moveAcross(source: string, arrived: string, target: string): Promise<void> {
    await this.copyDurably(source, arrived)
    try {
      await this.remove(source)
    } catch (error) {
      // Another one took it, or it cannot be removed, as on a disk that is mounted read-only.
      await this.disk.unlink(arrived).catch(() => {})
      const code = errorCode(error)
      if (code === 'ENOENT') throw error
      throw new Error(`it cannot be removed where it is (${code})`, { cause: error })
    }
    await this.enter(arrived, target)
  }

  private async copyDurably(source: string, arrived: string): Promise<void> {
    const { disk } = this
    const part = arrived + PART
    await disk.makeFolder(dirname(arrived))
    try {
      const out = await disk.create(part)
      try {
        const size = await disk.sizeOf(source)
        let position = 0
        while (position < size) {
          const bytes = await disk.readPart(source, position, PIECE)
          if (bytes.length === 0) break
          await out.write(bytes, position)
          position += bytes.length
        }
        await out.sync()
        const written = await out.size()
        if (written !== size) throw new Error(`${written} octets on disk, ${size} to be copied`)
      } finally {
        await out.close()
      }
      await disk.rename(part, arrived)
      await disk.syncDirectory(dirname(arrived))
    } catch (error) {
      await disk.unlink(part).catch(() => {})
      throw error
    }
  }

  private async remove(source: string): Promise<void> {
    await this.disk.unlink(source)
    // Where this fails, a loss of power can bring the file back: one copy too many is allowed.
    await this.disk.syncDirectory(this.from).catch(() => {})
  }

  private async enter(arrived: string, target: string): Promise<void> {
    await this.disk.rename(arrived, target)
    await this.disk.syncDirectory(this.directory.path).catch(() => {})
  }
}
