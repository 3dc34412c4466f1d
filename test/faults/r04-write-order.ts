import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'
import { type SystemCall, systemCalls } from './strace'

const WRITES = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg'] as const
const SYNCS = ['fsync', 'fdatasync'] as const
const RENAMES = ['rename', 'renameat', 'renameat2'] as const

/** Octets of each call's data that strace keeps: the head of a queue file names its copy in these. */
const KEPT = 1500

/** Octets: written in one go, and streamed. */
const SIZES = [1_000, 400_000]

/**
 * The order that a power loss cannot harm: write < fsync of the file < rename < fsync of the
 * directory < 250 to the client, for every mail, as strace sees it.
 */
export const writeOrder: FaultCase = {
  name: 'R4',
  title: 'the 250 comes after write, fsync, rename and fsync of the directory',
  needs: ['strace'],
  async run({ long, dice, folder }: FaultContext): Promise<FaultResult> {
    const log = join(folder, 'strace.log')
    const calls = ['openat', ...WRITES, ...SYNCS, ...RENAMES].join()
    const path = await MailPath.start({
      beforeTdc: ['tdc_inspect'],
      under: () => ['strace', '-D', '-f', '-y', '-s', `${KEPT}`, '-o', log, '-e', `trace=${calls}`],
    })
    const run = new MailRun(path, 'R4', dice)
    try {
      for (const size of SIZES) await run.sendMany(long ? 500 : 25, size)
      const violations = (await run.allCopied(30_000)) ? [] : ['not all copied in 30 s']
      await path.haraka.stop()
      const order = new WriteOrder(systemCalls(readFileSync(log, 'latin1')))
      for (const { subject, reply } of run.mails) {
        const fault = order.faultBefore(reply)
        if (fault) violations.push(`${subject} (${reply}): ${fault}`)
      }
      violations.push(...(await run.violations()))
      return { n: run.mails.length, violations }
    } finally {
      await path.close()
    }
  },
}

/** What a log of system calls tells of one directory of queue files and the replies of its server. */
export class WriteOrder {
  private readonly writes: SystemCall[]
  private readonly syncs: SystemCall[]
  private readonly renames: SystemCall[]
  private readonly opens: SystemCall[]

  constructor(calls: readonly SystemCall[]) {
    const those = (names: readonly string[]) =>
      calls.filter(({ name, result }) => names.includes(name) && !result.startsWith('-1'))
    this.writes = those(WRITES)
    this.syncs = those(SYNCS)
    this.renames = those(RENAMES)
    this.opens = those(['openat'])
  }

  /** What is missing, or in the wrong order, before a reply with the transaction's uuid in it. */
  faultBefore(reply: string): string | undefined {
    const [, uuid] = /\(([0-9A-F-]{36}\.\d+)\)/.exec(reply) ?? []
    if (!uuid) return 'no uuid in the reply'
    const told = this.writes.find(({ args }) => args.includes('"250 ') && args.includes(uuid))
    if (!told) return 'its 250 is not in the log'
    const head = this.writes.find(({ args }) => args.includes(`${uuid}.tdc1`) && pathOf(args))
    const temporary = head && pathOf(head.args)
    if (!temporary) return 'its queue file was not written'
    if (LOG.test(temporary)) return this.faultInLog(temporary, uuid, told)
    const rename = this.renames.find(({ args }) => args.includes(`"${temporary}"`))
    if (!rename) return 'its queue file was not renamed'

    const ofFile = (call: SystemCall) => pathOf(call.args) === temporary
    const written = Math.max(...this.writes.filter(ofFile).map(({ ended }) => ended))
    const synced = this.syncs.find((call) => ofFile(call) && call.begun > written)
    if (!synced) return 'no fsync of the file after its last write'
    if (synced.ended > rename.begun) return 'the rename began before the fsync of the file was over'
    const directory = temporary.slice(0, temporary.lastIndexOf('/'))
    const durable = this.syncs.find(
      ({ args, begun }) => pathOf(args) === directory && begun > rename.ended,
    )
    if (!durable) return 'no fsync of the directory after the rename'
    if (durable.ended > told.begun) return 'the 250 came before the fsync of the directory was over'
    return undefined
  }

  /** A record of the log is durable when its write is over, by a descriptor that syncs with each. */
  private faultInLog(segment: string, uuid: string, told: SystemCall): string | undefined {
    const record = this.writes.find(
      ({ args }) => args.includes(`${uuid}.tdc1`) && pathOf(args) === segment,
    )
    if (!record) return 'its record was not written'
    const [descriptor] = record.args.split(', ', 1)
    const opened = this.opens.findLast(
      ({ result, ended }) => result === descriptor && ended < record.begun,
    )
    if (!opened?.args.includes('O_DSYNC')) return 'its record was written without a sync'
    if (record.ended > told.begun) return 'the 250 came before its record was written'
    return undefined
  }
}

const LOG = /\/error\.tdc\/log\/[^/]+\/\d+\.log$/

/** The path that `strace -y` shows for the descriptor that is the call's first argument. */
function pathOf(args: string): string | undefined {
  return /^\d+<(\/[^>]*)>/.exec(args)?.[1]
}
