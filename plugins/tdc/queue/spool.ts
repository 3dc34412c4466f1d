import { isAscii } from 'node:buffer'
import type { Disk, DiskFile } from './disk'
import { errorCode } from '../base/error-code'
import type { CopyRecord, CopyStore, InStore } from './copy-store'
import type { DirectorySync } from './directory-sync'
import type { QueueDirectory, QueueFileName } from '../haraka/queue-directory'
import { padHead } from '../haraka/queue-directory'
import type { HeadTraits } from '../journal/original-filter'
import type { Named, Wrapping, WrappingPass } from './wrapping'

/** The original, to be read from its beginning; may be called again for the next copy. */
export type ReadOriginal = (
  take: (piece: Buffer) => void | Promise<void>,
  signal: AbortSignal,
) => Promise<void>

/** What a copy's queue file needs beside the original. */
export interface SpoolPlan {
  readonly wrapping: Wrapping
  /** The head of the queue file, once size and traits are known. */
  fileHead(facts: MessageSize): Buffer
}

/** What is known of a copy when its original was read to the end. */
export interface MessageSize {
  /** As SIZE counts: stuffing not counted. */
  readonly size: number
  /** In the file. */
  readonly octets: number
  readonly eightBit: boolean
}

/** Everything in front of a copy's original, which follows as it is. */
export interface SpooledHead {
  readonly octets: number
  naming(named: Named): Buffer
}

export interface Spooled extends MessageSize {
  readonly head: SpooledHead
  /** Bare CR or LF of the original was replaced. */
  readonly normalized: boolean
  readonly file: QueueFileName
  /** Where the message begins in the file. */
  readonly start: number
  /** The message as DATA sends it, when it was short enough to be made in memory. */
  readonly message?: Buffer
  /** It is there in place of the file, which has only its name. */
  readonly stored?: InStore | undefined
}

/** A boundary of 128 random bits is in no original; a hit means the random numbers are broken. */
const BOUNDARY_TRIES = 4

/**
 * How often a file is written that others remove: one worker at its start removes it twice, and all of
 * them may start at once. A directory that is gone costs as many calls.
 */
const FILE_TRIES = 16

/** The file head may be this much longer than with the longest facts: nothing, but JSON is not ours. */
const HEAD_SLACK = 64

/** What takes copies in place of queue files; undefined: nothing does now. */
export type StoreFor = (octets: number) => CopyStore | undefined

/**
 * Writes queue files that are complete or not there: written under a temporary name,
 * size compared with the octets counted, fsync, rename, fsync of the directory.
 */
export class Spool {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly directorySync: DirectorySync
  private readonly store: StoreFor

  constructor(
    directory: QueueDirectory,
    disk: Disk,
    directorySync: DirectorySync,
    store: StoreFor = () => undefined,
  ) {
    this.directory = directory
    this.disk = disk
    this.directorySync = directorySync
    this.store = store
  }

  /** One write, to a store or of the whole file, for an original that is in memory. */
  async writeHeld(original: Buffer, plan: SpoolPlan, signal: AbortSignal): Promise<Spooled> {
    const { content, start, normalized, head, facts } = assemble(original, plan)
    const made = { start, normalized, head, ...facts, message: content.subarray(start) }
    const file = this.directory.newFile()
    const stored = await this.append({ name: file.name, content }, signal)
    if (stored) return { file, stored, ...made }
    return { file: await this.writeWhole(content, signal), ...made }
  }

  /** A queue file of what is in memory. */
  writeWhole(content: Buffer, signal: AbortSignal, file?: QueueFileName): Promise<QueueFileName> {
    const fill = async (out: DiskFile) => {
      await out.write(content, 0)
      return content.length
    }
    return this.durably(signal, fill, file)
  }

  /** Undefined: it needs a file. */
  private async append(record: CopyRecord, signal: AbortSignal): Promise<InStore | undefined> {
    const store = this.store(record.content.length)
    if (!store) return undefined
    let stored: InStore
    try {
      stored = { store, copy: await store.append(record, signal) }
    } catch {
      // The file says why not, if it cannot be written either.
      signal.throwIfAborted()
      return undefined
    }
    if (!signal.aborted) return stored
    await store.end(stored.copy)
    throw signal.reason
  }

  /** A written copy once more, with another head. `rest`: what is behind its own. */
  async writeAgain(
    spooled: Spooled,
    named: Named,
    rest: () => AsyncIterable<Buffer>,
    plan: Pick<SpoolPlan, 'fileHead'>,
    signal: AbortSignal,
  ): Promise<MessageSize & Pick<Spooled, 'file' | 'start' | 'stored'>> {
    const reportHead = spooled.head.naming(named)
    const less = spooled.head.octets - reportHead.length
    const { size, octets, eightBit } = spooled
    const facts = { size: size - less, octets: octets - less, eightBit }
    const fileHead = plan.fileHead(facts)
    const start = fileHead.length
    if (spooled.stored?.store.shared) {
      const content = Buffer.concat([fileHead, reportHead, await wholeOf(rest())])
      const file = this.directory.newFile()
      const isShared = this.store(content.length)?.shared !== undefined
      const stored = isShared && (await this.append({ name: file.name, content }, signal))
      if (stored) return { file, stored, start, ...facts }
      return { file: await this.writeWhole(content, signal), start, ...facts }
    }
    const file = await this.durably(signal, async (out) => {
      await out.write(Buffer.concat([fileHead, reportHead]), 0)
      let end = fileHead.length + reportHead.length
      for await (const piece of rest()) {
        signal.throwIfAborted()
        await out.write(piece, end)
        end += piece.length
      }
      const all = fileHead.length + facts.octets
      if (end !== all) throw new Error(`${end} octets, ${all} expected`)
      return end
    })
    return { file, start, ...facts }
  }

  /**
   * One pass over an original that is too long for memory. The report's first lines depend on what
   * the original holds, so the body is written first, behind room kept for them, and they last.
   */
  async writeStreamed(read: ReadOriginal, plan: SpoolPlan, signal: AbortSignal): Promise<Spooled> {
    let spooled: Omit<Spooled, 'file'> | undefined
    const file = await this.durably(signal, async (out) => {
      const room = roomFor(plan)
      for (let attempt = 1; ; attempt++) {
        const body = await this.writeBody(out, read, plan, room, signal)
        if (body.collided && attempt < BOUNDARY_TRIES) {
          await out.truncate()
          continue
        }
        if (body.collided) throw new Error('the boundary stands in the message')
        const { reportHead, head } = body
        const start = room - reportHead.length
        const facts = {
          size: reportHead.length + body.size,
          octets: body.end - start,
          eightBit: body.traits.eightBit || !isAscii(reportHead),
        }
        const fileHead = padHead(plan.fileHead(facts), start)
        await out.write(Buffer.concat([fileHead, reportHead]), 0)
        spooled = { start, normalized: body.traits.normalized, head, ...facts }
        return body.end
      }
    })
    if (!spooled) throw new Error('nothing was written')
    return { file, ...spooled }
  }

  private async writeBody(
    out: DiskFile,
    read: ReadOriginal,
    { wrapping }: SpoolPlan,
    room: number,
    signal: AbortSignal,
  ) {
    const pass = wrapping.begin()
    let end = room
    const put = async (bytes: Buffer) => {
      if (bytes.length === 0) return
      await out.write(bytes, end)
      end += bytes.length
    }
    await read((piece) => put(pass.push(piece)), signal)
    const { rest, traits, collided, size } = pass.end()
    await put(rest)
    return { ...headOf(pass, traits), traits, collided, size, end }
  }

  /**
   * Another worker that starts meanwhile removes every temporary name, also ours: the
   * rename then finds nothing, and everything is done again.
   */
  private async durably(
    signal: AbortSignal,
    fill: (out: DiskFile) => Promise<number>,
    file?: QueueFileName,
  ): Promise<QueueFileName> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.durablyOnce(signal, fill, file ?? this.directory.newFile())
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || signal.aborted || attempt === FILE_TRIES) throw error
      }
    }
  }

  private async durablyOnce(
    signal: AbortSignal,
    fill: (out: DiskFile) => Promise<number>,
    file: QueueFileName,
  ): Promise<QueueFileName> {
    const out = await this.disk.create(file.temporaryPath)
    let renamed = false
    let closed: Promise<void> | undefined
    try {
      const written = await fill(out)
      signal.throwIfAborted()
      // A client waits for its 250 meanwhile: what can be asked of the disk at the same time is.
      const [size] = await Promise.all([out.size(), out.sync()])
      if (size !== written) throw new Error(`${size} octets on disk, ${written} written`)
      closed = out.close()
      closed.catch(() => {})
      await this.disk.rename(file.temporaryPath, file.path)
      renamed = true
      await this.directorySync.sync()
      await closed
      signal.throwIfAborted()
      return file
    } catch (error) {
      await (closed ?? out.close()).catch(() => {})
      await this.disk.unlink(renamed ? file.path : file.temporaryPath).catch(() => {})
      throw error
    }
  }
}

async function wholeOf(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

/** Room for file head and report head at their longest. */
function roomFor(plan: SpoolPlan): number {
  const most = Number.MAX_SAFE_INTEGER
  const longest = plan.fileHead({ size: most, octets: most, eightBit: false })
  return longest.length + plan.wrapping.longestHead() + HEAD_SLACK
}

function assemble(original: Buffer, plan: SpoolPlan) {
  for (let attempt = 1; ; attempt++) {
    const pass = plan.wrapping.begin()
    const first = pass.push(original)
    const { rest, traits, collided, size } = pass.end()
    if (collided && attempt < BOUNDARY_TRIES) continue
    if (collided) throw new Error('the boundary stands in the message')
    const { reportHead, head } = headOf(pass, traits)
    const facts = {
      size: reportHead.length + size,
      octets: reportHead.length + first.length + rest.length,
      eightBit: traits.eightBit || !isAscii(reportHead),
    }
    const fileHead = plan.fileHead(facts)
    const content = Buffer.concat([fileHead, reportHead, first, rest])
    return { content, start: fileHead.length, normalized: traits.normalized, head, facts }
  }
}

function headOf(pass: WrappingPass, traits: HeadTraits): { reportHead: Buffer; head: SpooledHead } {
  const reportHead = pass.head(traits)
  const naming = (named: Named) => pass.head(traits, named)
  return { reportHead, head: { octets: reportHead.length, naming } }
}
