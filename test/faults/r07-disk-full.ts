import { join } from 'node:path'
import { comesTrue } from '../support/comes-true'
import type { HarakaOptions } from '../support/haraka'
import { Gate } from '../support/gate'
import { WRITE_AHEAD } from '../support/gateway'
import { MailPath } from '../support/mail-path'
import { alteredBuild } from './altered-build'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun, type SentMail } from './mail-run'
import { ext4, queueFilesOf, queueOf, remount, tmpfs } from './private-mount'
import { openFiles } from './process-state'
import { readQueueFile } from './queue-file'
import { Strace } from './strace'

/** Octets of each mail: several fill the smallest file system. */
const MAIL = 20_000
const LONG_MAIL = 400_000

/** What is wrong with the disk while mails come in, and how it is put right again. */
interface Trouble {
  readonly name: string
  readonly under?: (image: string) => HarakaOptions['under']
  /** Copies wait at the intake meanwhile, so that they fill the disk. */
  readonly fills?: boolean
  /** Of the mails; the plugin faulty_disk does something bad for it. */
  readonly recipient?: string
  begin?(path: MailPath): Promise<() => Promise<void>>
}

const readOnly = async ({ haraka }: MailPath) => {
  await remount(haraka, 'ro')
  return () => remount(haraka, 'rw')
}

const injected = (name: string, call: string, what: string): Trouble => ({
  name,
  async begin({ haraka }) {
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:${what}`]
    const strace = await Strace.attach(haraka.pid, ['-o', '/dev/null', ...inject])
    return () => strace.detach()
  },
})

/** It says that it has written everything, and has written half of it. */
const LYING: Trouble = { name: 'lies about writing', recipient: 'truncated' }

const TROUBLES: readonly Trouble[] = [
  { name: 'no space', fills: true, under: () => tmpfs('1m') },
  { name: 'no inodes', fills: true, under: (image) => ext4(image, '-N 32') },
  // With a log that is open nobody can remount: the kernel does it, and each write says so.
  WRITE_AHEAD === 'log'
    ? injected('read-only', 'pwrite64,pwritev,fsync,rename', 'error=EROFS')
    : { name: 'read-only', under: () => tmpfs('8m'), begin: readOnly },
  injected('EIO on write', 'pwrite64,pwritev', 'error=EIO'),
  injected('EDQUOT on write', 'pwrite64,pwritev', 'error=EDQUOT'),
  injected('EIO on fsync', 'fsync', 'error=EIO'),
  // The log renames nothing, and a disk that lies about it is found out by its CRC.
  ...(WRITE_AHEAD === 'log' ? [] : [injected('ENOSPC on rename', 'rename', 'error=ENOSPC'), LYING]),
]

const POLICIES = ['accept', 'tempfail'] as const
type Policy = (typeof POLICIES)[number]

export const diskFull: FaultCase = {
  name: 'R7',
  title: 'the disk is full, read-only, fails or lies, under both policies',
  needs: ['root', 'strace', 'mounts'],
  async run(context: FaultContext): Promise<FaultResult> {
    const found = await Promise.all(POLICIES.map((policy) => underPolicy(context, policy)))
    const n = found.reduce((sum, { failed }) => sum + failed, 0)
    return { n, violations: found.flatMap(({ violations }) => violations) }
  },
}

/** Without the comparison of sizes, a disk that lies makes copies that are not whole. */
export const sizeCheckControl: FaultCase = {
  name: 'R7-control',
  title: 'a build that does not compare the size of the queue file is caught',
  async run(context: FaultContext): Promise<FaultResult> {
    const build = alteredBuild(['tdc/queue/spool.ts', 'if (size !== written)', 'if (size < 0)'])
    const { violations } = await inTrouble(context, 'accept', LYING, build)
    const caught = violations.some((what) => what.endsWith('is not complete'))
    return { n: 1, violations: caught ? [] : ['it was not caught'] }
  },
}

interface Found {
  readonly failed: number
  readonly violations: readonly string[]
}

async function underPolicy(context: FaultContext, policy: Policy): Promise<Found> {
  const violations: string[] = []
  let failed = 0
  for (const trouble of TROUBLES) {
    const found = await inTrouble(context, policy, trouble)
    failed += found.failed
    violations.push(...found.violations.map((what) => `${trouble.name}, ${policy}: ${what}`))
  }
  // The log removes no file.
  if (WRITE_AHEAD !== 'log') violations.push(...(await notRemoved(context, policy)))
  return { failed, violations }
}

async function inTrouble(
  { long, dice, folder, note }: FaultContext,
  policy: Policy,
  { name, under, fills = false, recipient = 'bob', begin }: Trouble,
  install?: HarakaOptions['install'],
): Promise<Found> {
  const image = join(folder, `${name} ${policy}.img`.replaceAll(' ', '-'))
  const path = await start(policy, under?.(image), install)
  try {
    const gate = new Gate()
    if (fills) path.onCopy = () => gate.wait().then(() => undefined)
    const run = new MailRun(path, `R7 ${name} ${policy}`, dice)
    await run.send()
    const base = openFiles(path.haraka.pid).filter(isFile).length
    const end = await begin?.(path)
    const to = [`${recipient}@example.com`]
    await run.sendMany(long ? 200 : fills ? 60 : 20, MAIL, { atATime: 5, to })
    await run.sendMany(long ? 50 : 3, LONG_MAIL, { atATime: 2, to })
    const violations = inQueue(path, run)
    await end?.()
    gate.open()
    if (violations.length > 0) return { failed: 0, violations }

    const missed = (mail: SentMail) => saysMissed(path, mail)
    await run.send()
    if (!(await run.allCopied(20_000, missed))) violations.push('not all copied in 20 s')
    const idle = () => queueFilesOf(path.haraka).length === 0
    // A file that could not be removed is tried again after 5 s, and 10.
    if (!(await comesTrue(idle, 20_000))) {
      violations.push(`left in the queue: ${queueFilesOf(path.haraka).join(' ')}`)
    }
    const open = () => openFiles(path.haraka.pid).filter(isFile)
    if (!(await comesTrue(() => open().length <= base, 5_000))) {
      violations.push(`${open().length} files are open, ${base} were: ${open().join(' ')}`)
    }
    violations.push(...(await run.violations({ missed })))
    const failed = run.mails.filter((mail) => mail.told === 'refused' || missed(mail)).length
    // The log needs none.
    const mayPass = WRITE_AHEAD === 'log' && name === 'no inodes'
    if (failed === 0 && !mayPass) violations.push('no write has failed')
    if (policy === 'accept' && run.mails.some(({ told }) => told !== 'accepted')) {
      violations.push('a mail was not accepted')
    }
    note(`${name}, ${policy}: ${failed} of ${run.mails.length} failed`)
    return { failed, violations }
  } finally {
    await path.close()
  }
}

/** The copies go out, but their files stay: none may be sent again by this process. */
async function notRemoved({ dice }: FaultContext, policy: Policy): Promise<string[]> {
  const path = await start(policy)
  const { name, begin } = injected('EIO on unlink', 'unlink', 'error=EIO')
  try {
    const run = new MailRun(path, `R7 ${name} ${policy}`, dice)
    // A server that copies has tried its queue directory out: the disk fails for copies alone.
    await run.send()
    await run.allCopied(10_000)
    const before = run.mails.length
    const end = await begin?.(path)
    await run.sendMany(10, MAIL)
    const violations = (await run.allCopied(10_000)) ? [] : ['not all copied in 10 s']
    await path.haraka.lines.until(
      () =>
        path.haraka.log.filter((line) => line.includes('(EIO)')).length >=
        run.mails.length - before,
      10_000,
      () => `not a line for each file\n${path.haraka.tail()}`,
    )
    for (let i = 0; i < 3; i++) await path.ask('TDC FLUSH')
    await end?.()
    await run.send()
    await run.allCopied(10_000)
    const idle = () => path.haraka.queueFiles().length === 0
    // After 5 s, 10 and 20: on a busy machine the second, too, may find the disk ill.
    if (!(await comesTrue(idle, 30_000))) violations.push('files stay when the disk is well again')
    violations.push(...(await run.violations()))
    return violations.map((what) => `${name}, ${policy}: ${what}`)
  } finally {
    await path.close()
  }
}

function start(
  policy: string,
  under?: HarakaOptions['under'],
  install?: HarakaOptions['install'],
): Promise<MailPath> {
  return MailPath.start({
    beforeTdc: ['tdc_inspect', 'faulty_disk'],
    main: [`on_journal_failure=${policy}`],
    // The real end of the disk is met, not the floor before it.
    sections: ['[queue]', 'min_free_space=0', 'min_free_inodes=0'],
    ...(under && { under }),
    ...(install && { install }),
  })
}

/** What is in the queue is complete, and nothing of what failed is left. */
function inQueue({ haraka }: MailPath, run: MailRun): string[] {
  const found: string[] = []
  const bodies = new Map(run.mails.map((mail) => [uuidOf(mail), mail.raw]))
  for (const name of queueFilesOf(haraka)) {
    // Being removed just now, perhaps.
    const file = attempt(() => readQueueFile(join(queueOf(haraka), name)))
    if (!file) continue
    const raw = bodies.get(file.mid.replace(/\.tdc1$/, ''))
    if (name.startsWith('__tmp__')) found.push(`temporary file ${name}`)
    else if (!file.complete) found.push(`${name} of ${file.message.length} octets is not complete`)
    else if (raw && !file.message.includes(raw)) found.push(`${name} is not its original`)
  }
  return found
}

function saysMissed({ haraka }: MailPath, mail: SentMail): boolean {
  const uuid = uuidOf(mail)
  return haraka.lines.entries.some((line) => line.includes(`Message ${uuid} not copied to`))
}

function uuidOf({ reply }: SentMail): string {
  return /\(([0-9A-F-]{36}\.\d+)\)/.exec(reply)?.[1] ?? 'none'
}

/** Not a socket, a pipe or the like. */
function isFile(path: string): boolean {
  return path.startsWith('/')
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
