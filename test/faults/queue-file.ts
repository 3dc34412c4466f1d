import { readFileSync } from 'node:fs'

/** What stands in a copy's queue file, read without the connector's own code. */
export interface QueueFile {
  /** The copy's MID; '' when the head cannot be read. */
  readonly mid: string
  /** It has all octets that its head tells of. */
  readonly complete: boolean
  readonly message: Buffer
}

export function readQueueFile(path: string): QueueFile {
  return queueFileOf(readFileSync(path))
}

/** `bytes`: what is in one, or will be. */
export function queueFileOf(bytes: Buffer): QueueFile {
  try {
    const start = 4 + bytes.readUInt32BE(0)
    const { uuid, notes } = JSON.parse(bytes.toString('utf8', 4, start)) as {
      uuid: string
      notes: { tdc: { octets: number } }
    }
    const message = bytes.subarray(start)
    return { mid: uuid, complete: message.length === notes.tdc.octets, message }
  } catch {
    return { mid: '', complete: false, message: Buffer.alloc(0) }
  }
}
