import { comesTrue } from '../support/comes-true'
import { Gate } from '../support/gate'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'
import { memoryOf, openFiles } from './process-state'

/** Descriptors of a process that has too few of them for its queue. */
const FEW_FILES = 120

const MEGABYTE = 2 ** 20

/** Haraka holds long mails in memory itself, and keeps it; the copies may need so much of it more. */
const MORE = 1.2

export const exhaustion: FaultCase = {
  name: 'R18',
  title: 'long mails at the same time; a start with more queue files than descriptors',
  needs: ['prlimit'],
  async run(context: FaultContext): Promise<FaultResult> {
    const long = await longMails(context)
    const few = await fewFiles(context)
    const figures = { ...long.figures, ...few.figures }
    return { n: long.n + few.n, violations: [...long.violations, ...few.violations], figures }
  },
}

/** Descriptors come back when they are through; in full also the memory, as far as without the plugin. */
async function longMails(context: FaultContext): Promise<FaultResult> {
  const { long, note } = context
  const [count, octets] = long ? [50, 25 * MEGABYTE] : [6, 5 * MEGABYTE]
  const ours = await through(context, { count, octets, tdc: true })
  const bare = long ? await through(context, { count, octets, tdc: false }) : undefined
  const violations = [...ours.violations, ...(bare?.violations ?? [])]
  const figures: Record<string, number> = { mostMB: mb(ours.most), keptMB: mb(ours.kept) }
  if (bare) {
    Object.assign(figures, { mostBareMB: mb(bare.most), keptBareMB: mb(bare.kept) })
    for (const what of ['most', 'kept'] as const) {
      if (ours[what] <= bare[what] * MORE) continue
      violations.push(`${what}: ${mb(ours[what])} MB, without the plugin ${mb(bare[what])} MB`)
    }
  }
  note(`${count} mails of ${octets / MEGABYTE} MB: ${JSON.stringify(figures)}`)
  return { n: count, violations, figures }
}

/** Octets of memory beyond what it had before, at most and a minute later. */
async function through(
  { long, dice }: FaultContext,
  { count, octets, tdc }: { count: number; octets: number; tdc: boolean },
) {
  const path = await MailPath.start({ ...(tdc && { beforeTdc: ['tdc_inspect'] }), tdc })
  const run = new MailRun(path, 'R18 long', dice)
  const arrived = (milliseconds: number) =>
    tdc
      ? run.allCopied(milliseconds)
      : comesTrue(() => path.mailbox.messages.size === run.mails.length, milliseconds)
  try {
    const { pid } = path.haraka
    await run.sendMany(3, 1_000)
    await arrived(10_000)
    const base = { memory: memoryOf(pid).now, files: openFiles(pid).filter(isFile).length }
    await run.sendMany(count, octets, { atATime: count })
    const violations = (await arrived(120_000)) ? [] : ['not all arrived in 120 s']
    const files = () => openFiles(pid).filter(isFile)
    if (!(await comesTrue(() => files().length <= base.files, 10_000))) {
      violations.push(`${files().length} files are open, ${base.files} were: ${files().join(' ')}`)
    }
    const { most } = memoryOf(pid)
    // Only in the long form: the collector of rubbish comes when it likes.
    if (long) await comesTrue(() => memoryOf(pid).now < base.memory * 1.1, 60_000)
    const { now } = memoryOf(pid)
    if (tdc) violations.push(...(await run.violations()))
    return { violations, most: most - base.memory, kept: now - base.memory }
  } finally {
    await path.close()
  }
}

/** None is lost, and each is delivered when there are descriptors again. */
async function fewFiles({ long, dice, note }: FaultContext): Promise<FaultResult> {
  const count = long ? 1_500 : 400
  let limit = 4_096
  const path = await MailPath.start({
    beforeTdc: ['tdc_inspect'],
    delivery: ['max_connections=20'],
    under: () => ['prlimit', `--nofile=${limit}`],
  })
  const run = new MailRun(path, 'R18 few', dice)
  try {
    const gate = new Gate()
    path.onCopy = () => gate.wait().then(() => undefined)
    await run.sendMany(count, 500, { atATime: 20 })
    await path.haraka.kill9()
    gate.open()
    path.onCopy = () => Promise.resolve(undefined)
    limit = FEW_FILES
    await path.haraka.start()
    // What Haraka cannot open it drops; the connector looks after it every minute.
    await run.allCopied(long ? 240_000 : 6_000)
    const violations = path.haraka.running ? [] : [`Haraka has ended\n${path.haraka.tail(20)}`]
    const stuck = path.haraka.queueFiles().length
    if (long && stuck > 0) violations.push(`${stuck} copies were not found again in 240 s`)
    limit = 4_096
    await path.haraka.restart('SIGKILL')
    if (!(await run.allCopied(30_000))) violations.push('not all copied 30 s after the relief')
    if (!(await comesTrue(() => path.haraka.queueFiles().length === 0, 10_000))) {
      violations.push(`left in the queue: ${path.haraka.queueFiles().length}`)
    }
    violations.push(...(await run.violations()))
    note(`${count} files at a start with ${FEW_FILES} descriptors: ${stuck} wait for the relief`)
    return { n: count, violations, figures: { stuck } }
  } finally {
    await path.close()
  }
}

const mb = (octets: number) => Math.round(octets / MEGABYTE)

/** Not a socket, a pipe or the like. */
function isFile(path: string): boolean {
  return path.startsWith('/')
}
