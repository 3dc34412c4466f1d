import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import type { Dice } from '../support/dice'
import { Gate } from '../support/gate'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'

const GOOD = 5

/** A good file made bad, of which nothing may be delivered. */
const DAMAGES: readonly ((file: Buffer, dice: Dice) => Buffer)[] = [
  () => Buffer.alloc(0),
  (file, dice) => file.subarray(0, dice.below(4)),
  (file, dice) => file.subarray(0, 4 + dice.below(headEnd(file) - 4)),
  (file, dice) => file.subarray(0, headEnd(file) + dice.below(file.length - headEnd(file))),
  (file, dice) => withLength(file, dice.below(2 ** 32)),
  (file, dice) => withLength(file, dice.below(headEnd(file) - 5)),
  (file) => withHead(file, 'garbage'),
  (file) => withHead(file, '{"uuid": garbage}'),
  (file) => withHead(file, 'null'),
  (file) => withHead(file, '{}'),
  (file, dice) => flipped(file, dice),
  (file) => Buffer.alloc(file.length),
  (_file, dice) => Buffer.concat([dice.octets(200), Buffer.of(1)]),
]

/** Attempts that the name tells of: at the second, Haraka has given the file up. */
const ATTEMPTS = [0, 99]

export const damagedFiles: FaultCase = {
  name: 'R8',
  title: 'damaged files, foreign names and symbolic links in the queue at start',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const path = await MailPath.start({ beforeTdc: ['status', 'tdc_inspect'] })
    const run = new MailRun(path, 'R8', dice)
    const [starts, files] = long ? [11, 1_000] : [1, 260]
    const violations: string[] = []
    const figures = { loads: 0, setAside: 0, left: 0 }
    try {
      for (let i = 0; i < starts; i++) {
        // The last of many: as many files at once as a long outage leaves.
        const count = i === starts - 1 && long ? 10_000 : files
        violations.push(...(await oneStart(path, run, dice, count, figures)))
        note(`${count} damaged files: ${JSON.stringify(figures)}`)
        if (violations.length > 20) break
      }
      violations.push(...(await run.violations()))
      return { n: figures.loads, violations, figures }
    } finally {
      await path.close()
    }
  },
}

async function oneStart(
  path: MailPath,
  run: MailRun,
  dice: Dice,
  count: number,
  figures: { loads: number; setAside: number; left: number },
): Promise<string[]> {
  const { haraka } = path
  const gate = new Gate()
  path.onCopy = () => gate.wait().then(() => undefined)
  await run.sendMany(GOOD, 1_000)
  await path.filed(GOOD)
  await haraka.kill9()
  const queue = join(haraka.dir, 'queue')
  const [name = ''] = haraka.queueFiles().filter((file) => /^\d/.test(file))
  const file = readFileSync(join(queue, name))
  for (let i = 0; i < count; i++) {
    const damage = DAMAGES[i % DAMAGES.length] ?? (() => file)
    const attempts = dice.pick(ATTEMPTS)
    writeFileSync(join(queue, named(name, i, attempts)), damage(Buffer.from(file), dice))
  }
  const strange = strangers(queue, name)
  gate.open()
  path.onCopy = () => Promise.resolve(undefined)

  const violations: string[] = []
  await haraka.start()
  if (!(await run.allCopied(20_000))) violations.push('not all copied 20 s after the start')
  await run.send()
  await sleep(1_000)
  if (!haraka.running) return [`Haraka has ended\n${haraka.tail(20)}`]
  const slots = await path.ask('STATUS QUEUE STATS')
  if (slots !== '"0/0/0"') violations.push(`Haraka's slots are ${slots}`)
  const left = () =>
    haraka.queueFiles().filter((each) => !each.startsWith('error.') && !strange.includes(each))
  if (!(await comesTrue(() => left().length === 0, 5_000))) {
    violations.push(`${left().length} damaged files are still in the queue`)
  }
  figures.loads += count
  figures.left += left().length
  figures.setAside += haraka.queueFiles().length - left().length
  await haraka.kill9()
  rmSync(queue, { recursive: true })
  mkdirSync(queue)
  await haraka.start()
  return violations
}

/** Names that are nobody's, and things that are no files. */
function strangers(queue: string, name: string): string[] {
  const names = ['junk', '1_2_3_4', '.hidden', 'lost+found', 'README']
  for (const each of names) writeFileSync(join(queue, each), 'junk')
  const [folder, dangling, link] = [20_000_001, 20_000_002, 20_000_003].map((at) =>
    named(name, at, 0),
  )
  mkdirSync(join(queue, folder ?? ''))
  symlinkSync('/nowhere', join(queue, dangling ?? ''))
  symlinkSync('/etc/hostname', join(queue, link ?? ''))
  return names
}

/** $arrival_$nextattempt_$attempts_$pid_$uniquetag_$counter_$host */
function named(name: string, counter: number, attempts: number): string {
  const [arrival, next, , pid, tag, , host] = name.split('_')
  return [arrival, next, attempts, pid, tag, 10_000 + counter, host].join('_')
}

function headEnd(file: Buffer): number {
  return 4 + file.readUInt32BE(0)
}

function withLength(file: Buffer, length: number): Buffer {
  file.writeUInt32BE(length, 0)
  return file
}

function withHead(file: Buffer, head: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(head.length)
  return Buffer.concat([length, Buffer.from(head), file.subarray(headEnd(file))])
}

/** Some bits of the head; its length is left. */
function flipped(file: Buffer, dice: Dice): Buffer {
  for (let i = 0; i < 40; i++) {
    const at = 4 + dice.below(headEnd(file) - 4)
    file[at] = (file[at] ?? 0) ^ (1 << dice.below(8))
  }
  return file
}
