import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../plugins/tdc/clock'
import { DirectorySync } from '../../plugins/tdc/queue/directory-sync'
import { systemDisk } from '../../plugins/tdc/queue/disk'
import { CopyLog } from '../../plugins/tdc/queue/log/copy-log'
import { Spool } from '../../plugins/tdc/queue/spool'
import { queueDirectory } from '../support/queue'
import { makeTempDir, removeTempDir } from '../support/temp-dir'
import { compare } from './compare'
import type { Figure } from './figure'
import { processorTime } from './process-figures'

const ROUNDS = 7
const COPIES = 4_000
const AT_ONCE = 64
/** Octets of a queue file: a mail of 4 KB in its report. */
const SIZE = 6_000

/**
 * The processor time, of all threads, that a copy takes to be durable and, when it was delivered, to be gone: in
 * the log against a queue file each, so many at a time.
 */
export async function spool(): Promise<Figure> {
  const folder = makeTempDir('spool')
  try {
    const directory = queueDirectory(folder)
    const files = new Spool(directory, systemDisk, new DirectorySync(systemDisk, folder))
    const log = new CopyLog({
      disk: systemDisk,
      clock: systemClock,
      report: () => {},
      newFolder: () => directory.newLogFolder(),
    })
    const content = Buffer.alloc(SIZE, 'x')
    const { signal } = new AbortController()
    const inFiles = async () => {
      const { path } = await files.writeWhole(content, signal)
      await systemDisk.unlink(path)
    }
    const inLog = async () => {
      const { name } = directory.newFile()
      await log.end(await log.append({ name, content: Buffer.from(content) }, signal))
    }
    return await compare({
      name: 'spool',
      unit: 'us/copy',
      rounds: ROUNDS,
      ours: { name: 'log', round: () => cost(inLog) },
      theirs: { name: 'file', round: () => cost(inFiles) },
    })
  } finally {
    removeTempDir(folder)
  }
}

/** Microseconds of processor time. */
async function cost(one: () => Promise<void>): Promise<number> {
  await sleep(50)
  const [before, began] = [processorTime(process.pid), performance.now()]
  let left = COPIES
  const client = async () => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  const used = processorTime(process.pid) - before
  const rate = COPIES / ((performance.now() - began) / 1000)
  console.log(`${one.name}: ${rate.toFixed()} copies/s`)
  return (used * 1000) / COPIES
}
