import { mkdirSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readSegment } from '../../plugins/tdc/queue/log/format'
import { comesTrue } from '../support/comes-true'
import { WRITE_AHEAD } from '../support/gateway'
import type { HarakaOptions } from '../support/haraka'
import { MailPath } from '../support/mail-path'
import { run as runProgram } from '../support/run'
import { alteredBuild } from './altered-build'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun, type SentMail } from './mail-run'
import { ext4 } from './private-mount'
import { queueFileOf, readQueueFile } from './queue-file'

const SIZES = [2_000, 300_000]
const CLIENTS = 4

/** Milliseconds in which the first mail is accepted. */
const FIRST = 20_000

/**
 * What is on the disk when the power fails, seen by a copy of the disk's image: what was not synced
 * is in the memory of the mounted file system alone. The journal of the copy is replayed by mounting.
 */
export const powerLoss: FaultCase = {
  name: 'R4-image',
  title: 'the power fails: what was accepted stands in a copy of the disk, complete',
  needs: ['root', 'mounts', 'mkfs.ext4', 'losetup'],
  run: (context) => losses(context),
}

export const fsyncControl: FaultCase = {
  name: 'R4-control',
  title: 'a build without fsync of the file is caught',
  needs: powerLoss.needs ?? [],
  async run(context: FaultContext): Promise<FaultResult> {
    const { violations, figures } = await losses(
      { ...context, long: false },
      alteredBuild(
        WRITE_AHEAD === 'log'
          ? ['tdc/queue/disk.ts', 'constants.O_WRONLY | constants.O_DSYNC', 'constants.O_WRONLY']
          : ['tdc/queue/spool.ts', 'out.size(), out.sync()', 'out.size()'],
      ),
    )
    const isCaught = violations.length > 0 && figures?.['accepted'] !== 0
    return { n: 1, violations: isCaught ? [] : ['it was not caught'] }
  },
}

async function losses(
  { long, dice, folder, note }: FaultContext,
  install?: HarakaOptions['install'],
): Promise<FaultResult> {
  const crashes = long ? 100 : 4
  const violations: string[] = []
  let checked = 0
  for (let crash = 0; crash < crashes; crash++) {
    const image = join(folder, `disk-${crash}.img`)
    const path = await MailPath.start({
      // A small disk, copied in a moment.
      sections: ['[queue]', 'min_free_space=0', 'min_free_inodes=0'],
      under: ext4(image, ''),
      ...(install && { install }),
    })
    const run = new MailRun(path, 'R4-image', dice, 5_000)
    try {
      // Everything stays in the queue.
      path.onCopy = () => new Promise(() => {})
      let loading = true
      const clients = Array.from({ length: CLIENTS }, async () => {
        while (loading) await run.send(dice.pick(SIZES))
      })
      await comesTrue(() => run.mails.some(({ told }) => told === 'accepted'), FIRST)
      await sleep(300 + dice.below(700))
      const accepted = run.mails.filter(({ told }) => told === 'accepted')
      const copy = join(folder, `copy-${crash}.img`)
      // The process stands still, so that the disk is copied as of one moment.
      path.haraka.signal('SIGSTOP')
      // The kernel goes on writing: it is the disk of one moment when it is still the same behind its copy.
      const still = 'cp "$0" "$1"; until cmp -s "$0" "$1"; do cp "$0" "$1"; done'
      await runProgram('sh', ['-c', still, image, copy])
      path.haraka.signal('SIGCONT')
      loading = false
      await Promise.all(clients)
      violations.push(...(await missingIn(copy, join(folder, `found-${crash}`), accepted)))
      checked += accepted.length
      await runProgram('rm', ['-rf', copy, join(folder, `found-${crash}`)])
    } finally {
      await path.close()
      await runProgram('rm', ['-f', image])
    }
  }
  note(`${checked} accepted mails looked for after ${crashes} losses of power`)
  if (checked === 0) violations.push('nothing was accepted')
  return { n: crashes, violations, figures: { accepted: checked } }
}

/** Accepted mails without a complete queue file, or record of the log, on the disk as it was. */
async function missingIn(
  image: string,
  folder: string,
  accepted: readonly SentMail[],
): Promise<string[]> {
  mkdirSync(folder)
  const script = 'mkdir "$1/disk" && mount -o loop "$0" "$1/disk" && cp -r "$1/disk" "$1/files"'
  await runProgram('unshare', ['--mount', 'sh', '-c', script, image, folder])
  const queue = join(folder, 'files')
  const names = await readdir(queue, { recursive: true })
  const files = names
    .filter((name) => /^\d/.test(name))
    .map((name) => readQueueFile(join(queue, name)))
  for (const name of names.filter((each) => each.endsWith('.log'))) {
    const { copies } = readSegment(readFileSync(join(queue, name)))
    files.push(...copies.map(({ content }) => queueFileOf(content)))
  }
  const byMid = new Map(files.map((file) => [file.mid, file]))
  const found = files.filter(({ complete }) => !complete).map(({ mid }) => `${mid} is cut`)
  for (const { subject, reply, raw } of accepted) {
    const [, uuid] = /\(([0-9A-F-]{36}\.\d+)\)/.exec(reply) ?? []
    const file = byMid.get(`${uuid}.tdc1`)
    if (!file) found.push(`${subject} (${reply}): not on the disk`)
    else if (!file.message.includes(raw)) found.push(`${subject}: not its original`)
  }
  return found
}
