import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import { Gate } from '../support/gate'
import type { HarakaOptions } from '../support/haraka'
import { MailPath } from '../support/mail-path'
import { alteredBuild } from './altered-build'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'

/** Seconds that Haraka gives a hook. */
const PLUGIN_TIMEOUT = 2

const SHORT = { copies: 40, stalls: [2_500] }
/** All stalls together are less than the life of a copy. */
const LONG = { copies: 1_000, stalls: [5_000, 10_000, 40_000] }

export const eventLoopStall: FaultCase = {
  name: 'R16',
  title: 'the event loop stands still for longer than a hook may take',
  run: (context) => stalled(context),
}

/** Haraka delivers an item itself when the hook's time is over, unless its timer was cancelled. */
export const hookTimerControl: FaultCase = {
  name: 'R16-control',
  title: 'a build that leaves the timer of the hook running is caught',
  async run(context: FaultContext): Promise<FaultResult> {
    const build = alteredBuild(['tdc/haraka/loaded-item.ts', '\n  cancelHook()', ''])
    const { violations } = await stalled(context, build)
    const caught = violations.some((what) => what.includes('core delivers'))
    return { n: 1, violations: caught ? [] : ['it was not caught'] }
  },
}

async function stalled(
  { long, dice, note }: FaultContext,
  install?: HarakaOptions['install'],
): Promise<FaultResult> {
  const { copies, stalls } = long ? LONG : SHORT
  const path = await MailPath.start({
    beforeTdc: ['status', 'tdc_inspect', 'busy', 'delivered_teller'],
    config: { plugin_timeout: `${PLUGIN_TIMEOUT}\n` },
    delivery: ['max_connections=5'],
    ...(install && { install }),
  })
  const run = new MailRun(path, 'R16', dice)
  const gate = new Gate()
  try {
    path.onCopy = () => gate.wait().then(() => undefined)
    await run.sendMany(copies, 1_000)
    await path.haraka.kill9()
    await path.haraka.start()
    for (const milliseconds of stalls)
      await path.ask(`BUSY ${milliseconds}`, 2 * milliseconds + 20_000)
    // The copies are ours; now every timer that was left running would fire.
    await sleep((PLUGIN_TIMEOUT + 0.5) * 1_000)
    const of = (text: string) => path.haraka.log.filter((line) => line.includes(text))
    const violations = of('core delivers').slice()
    if (violations.length > 0) return { n: copies, violations }
    gate.open()
    path.onCopy = () => Promise.resolve(undefined)
    if (!(await run.allCopied(30_000))) violations.push('not all copied in 30 s')
    if (!(await comesTrue(() => path.haraka.queueFiles().length === 0, 5_000))) {
      violations.push(`left in the queue: ${path.haraka.queueFiles().join(' ')}`)
    }
    const slots = await path.ask('STATUS QUEUE STATS')
    if (slots !== '"0/0/0"') violations.push(`Haraka's slots are ${slots}`)
    violations.push(...of('core delivers'), ...finishedTwice(of('told {')))
    // Those that were on their way when it was killed may have arrived.
    violations.push(...(await run.violations()))
    note(`${copies} copies, stalls of ${stalls.join(', ')} ms`)
    return { n: copies, violations, figures: { copies, announced: of('told {').length } }
  } finally {
    await path.close()
  }
}

/** Copies that other plugins were told of more than once. */
function finishedTwice(lines: readonly string[]): string[] {
  const mids = lines.map((line) => /"uuid":"([^"]+)"/.exec(line)?.[1] ?? '')
  return mids.filter((mid, at) => mids.indexOf(mid) < at).map((mid) => `${mid} was finished twice`)
}
