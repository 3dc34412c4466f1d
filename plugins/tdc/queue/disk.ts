import { constants, rmdirSync, unlinkSync, writeSync } from 'node:fs'
import {
  access,
  chown,
  type FileHandle,
  mkdir,
  open,
  opendir,
  realpath,
  rename,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../base/error-code'
import { queueAbove } from '../haraka/queue-directory'
import { FOUND } from './found-file'

/** A file being written. */
export interface DiskFile {
  /** Writes all of `bytes` at `position`, or throws. */
  write(bytes: Buffer, position: number): Promise<void>
  /** Writes all of them, one behind the other, durably; or throws. */
  writeDurably(parts: readonly Buffer[], position: number): Promise<void>
  /** At once, or it throws: for a process that ends. */
  writeNow(bytes: Buffer, position: number): void
  truncate(): Promise<void>
  /** Octets that the file system says the file has. */
  size(): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}

/** What a user without privileges may still fill. */
export interface FreeSpace {
  /** Octets. */
  readonly bytes: number
  /** Undefined where the file system does not count them, as btrfs. */
  readonly inodes: number | undefined
}

/** The file system as the queue uses it; tests put failing disks here. */
export interface Disk {
  /** A new file, readable by its owner only: it holds other people's mail. */
  create(path: string): Promise<DiskFile>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** At once, or it throws: for a process that ends. */
  unlinkNow(path: string): void
  /** An empty folder, at once; what cannot be removed stays. */
  removeFolderNow(path: string): void
  /** False only when it is not there; what cannot be looked at may be. */
  exists(path: string): Promise<boolean>
  /** The first octets of a file, as many as there are up to `most`. */
  readStart(path: string, most: number): Promise<Buffer>
  /** Octets of a file from `position` on, as many as there are up to `most`; none: its end. */
  readPart(path: string, position: number, most: number): Promise<Buffer>
  /** Octets of a file. */
  sizeOf(path: string): Promise<number>
  /** Calls `seen` with each name in a folder, a few in each turn; with none when there is no such folder. */
  visit(path: string, seen: (name: string) => void): Promise<void>
  /** The path without links; rejects when nothing is there. */
  realPath(path: string): Promise<string>
  /** A folder for its owner only, and those above it that are missing, but for the queue directory. */
  makeFolder(path: string): Promise<void>
  /** A file of root's is from now on whose the folder is that it lies in. */
  giveAway(path: string): Promise<void>
  free(path: string): Promise<FreeSpace>
  /** Rejects where this process may not read and write in the folder. */
  isOpen(path: string): Promise<void>
  /** Makes renames in the directory durable. */
  syncDirectory(path: string): Promise<void>
}

/** Names that are read from a folder at a time, which is what one turn of the event loop has to do. */
const VISITED_AT_ONCE = 200

const OWNER_ONLY = 0o600
const OWNERS_FOLDER = 0o700

async function readPart(path: string, position: number, most: number): Promise<Buffer> {
  const handle = await open(path, FOUND)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(most), 0, most, position)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/**
 * Of several processes the master stays root, where `user=` has the workers give that up: folders that
 * it makes, from `first` to `last`, are for whom the directory above them is.
 */
async function giveFolders(first: string, last: string): Promise<void> {
  const { uid, gid } = await stat(dirname(first))
  for (let path = last; path.length >= first.length; path = dirname(path)) {
    await chown(path, uid, gid)
  }
}

/**
 * Linux writes to such a file and syncs, as fdatasync does, in one call (open(2)): each call is a way to another
 * thread and back. Elsewhere it may not reach behind the drive's cache.
 */
const IN_ONE_CALL =
  process.platform === 'linux' ? constants.O_WRONLY | constants.O_DSYNC : undefined

async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.length - done
    const { bytesWritten } = await file.write(bytes, done, rest, position + done)
    done += bytesWritten
  }
}

export const systemDisk: Disk = {
  async create(path) {
    const handle = await open(path, 'wx', OWNER_ONLY)
    let durable: FileHandle | undefined
    return {
      write: (bytes, position) => writeWhole(handle, bytes, position),
      async writeDurably(parts, position) {
        durable ??= IN_ONE_CALL === undefined ? handle : await open(path, IN_ONE_CALL)
        const octets = parts.reduce((sum, { length }) => sum + length, 0)
        const { bytesWritten } = await durable.writev(parts, position)
        if (bytesWritten < octets) {
          // Rare, as when the disk is full: what is left goes alone, and says why it cannot.
          const rest = Buffer.concat(parts).subarray(bytesWritten)
          await writeWhole(durable, rest, position + bytesWritten)
        }
        if (durable === handle) await handle.datasync()
      },
      writeNow: (bytes, position) => void writeSync(handle.fd, bytes, 0, bytes.length, position),
      truncate: () => handle.truncate(0),
      size: async () => (await handle.stat()).size,
      sync: () => handle.sync(),
      async close() {
        if (durable !== handle) await durable?.close()
        await handle.close()
      },
    }
  },
  rename,
  unlink,
  unlinkNow: unlinkSync,
  removeFolderNow(path) {
    try {
      rmdirSync(path)
    } catch {
      // It is not empty, or not there.
    }
  },
  exists: (path) =>
    access(path).then(
      () => true,
      (error: unknown) => errorCode(error) !== 'ENOENT',
    ),
  readStart: (path, most) => readPart(path, 0, most),
  readPart,
  sizeOf: async (path) => (await stat(path)).size,
  async visit(path, seen) {
    try {
      for await (const { name } of await opendir(path, { bufferSize: VISITED_AT_ONCE })) seen(name)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  },
  realPath: (path) => realpath(path),
  async makeFolder(path) {
    const queue = queueAbove(path)
    // It is for its administrator to make: the disk that it is on may not be mounted now.
    if (queue !== undefined) await access(queue)
    const first = await mkdir(path, { recursive: true, mode: OWNERS_FOLDER })
    if (first !== undefined && process.getuid?.() === 0) await giveFolders(first, path)
  },
  async giveAway(path) {
    if (process.getuid?.() === 0) await giveFolders(path, path)
  },
  isOpen: (path) => access(path, constants.R_OK | constants.W_OK | constants.X_OK),
  async free(path) {
    const { bavail, bsize, files, ffree } = await statfs(path)
    return { bytes: bavail * bsize, inodes: files > 0 ? ffree : undefined }
  },
  async syncDirectory(path) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      // Nothing was written through it: nobody waits for that.
      handle.close().catch(() => {})
    }
  },
}
