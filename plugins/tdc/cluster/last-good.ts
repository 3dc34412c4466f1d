import { closeSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../base/error-code'
import type { Disk } from '../queue/disk'
import { FOUND } from '../queue/found-file'
import { foreignValue } from './overlay'
import {
  LONGEST_DOCUMENT,
  NO_DOCUMENT,
  parseDocument,
  type SharedDocument,
  documentText,
} from './shared-document'

export type Kept =
  | { readonly kind: 'document'; readonly document: SharedDocument }
  /** The file is there and cannot be used. */
  | { readonly kind: 'unreadable'; readonly why: string }

/**
 * The shared settings that were last in force here, in a file for the server's user only. Written by
 * the only process, or by the master; read by each at its start, when it cannot wait.
 */
export class LastGood {
  private writing = Promise.resolve()

  constructor(
    readonly path: string,
    private readonly disk: Disk,
  ) {}

  read(): Kept {
    let written: string
    try {
      written = readFound(this.path)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'ENOENT') return { kind: 'document', document: NO_DOCUMENT }
      return { kind: 'unreadable', why: code ?? String(error) }
    }
    const parsed = parseDocument(written)
    if (parsed.kind === 'nonsense') return { kind: 'unreadable', why: parsed.why }
    const foreign = foreignValue(parsed.document.entries)
    return foreign === undefined ? parsed : { kind: 'unreadable', why: foreign }
  }

  /** One after the other; rejects when the disk does. The file is the old one or the new one. */
  write(document: SharedDocument): Promise<void> {
    const done = this.writing.then(() => this.replace(document))
    this.writing = done.catch(() => {})
    return done
  }

  private async replace(document: SharedDocument): Promise<void> {
    const bytes = Buffer.from(documentText(document) ?? '')
    if (bytes.length === 0) throw new Error(`it has more than ${LONGEST_DOCUMENT} octets`)
    const fresh = `${this.path}.new`
    await this.disk.makeFolder(dirname(this.path))
    // Left by a crash; only this process writes.
    if (await this.disk.exists(fresh)) await this.disk.unlink(fresh)
    const file = await this.disk.create(fresh)
    try {
      await file.write(bytes, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await this.disk.rename(fresh, this.path)
    await this.disk.syncDirectory(dirname(this.path))
  }
}

function readFound(path: string): string {
  const file = openSync(path, FOUND)
  try {
    // An octet more than there may be shows that it is too long.
    const bytes = Buffer.allocUnsafe(LONGEST_DOCUMENT + 1)
    let octets = 0
    for (let read = 1; read > 0 && octets < bytes.length; octets += read) {
      read = readSync(file, bytes, octets, bytes.length - octets, octets)
    }
    return bytes.toString('utf8', 0, octets)
  } finally {
    closeSync(file)
  }
}
