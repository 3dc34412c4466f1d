import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import type { HarakaOptions } from '../support/haraka'
import { MailPath } from '../support/mail-path'
import { alteredBuild } from './altered-build'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'

/** Milliseconds: from the final dot until the client leaves, and until the mailbox server answers. */
const LONGEST_STAY = 2_000
const LONGEST_DELAY = 1_500

/** At once, written in one piece and streamed. */
const SIZES = [500, 4_000, 300_000]
const CLIENTS = 50

export const hangUp: FaultCase = {
  name: 'R5',
  title: 'the client hangs up after its final dot, before or after the original is queued',
  run: (context) => hangUps(context, context.long ? 2_000 : 300),
}

export const queueOkOnlyControl: FaultCase = {
  name: 'R5-control',
  title: 'a build that sends the copy in queue_ok only is caught',
  async run(context): Promise<FaultResult> {
    const build = alteredBuild([
      'tdc/queue/fate.ts',
      'const keptBack =',
      "if (told !== 'queued') return { kind: 'nowhere', because: 'client-left' }; const keptBack =",
    ])
    const { n, violations } = await hangUps(context, 100, build)
    const caught = violations.some((what) => what.endsWith('I1 an original, but no copy'))
    return { n, violations: caught ? [] : ['it was not caught'] }
  },
}

async function hangUps(
  { dice, note }: FaultContext,
  tries: number,
  install?: HarakaOptions['install'],
): Promise<FaultResult> {
  const path = await MailPath.start({ ...(install && { install }) })
  path.onOriginal = () => ({ do: 'wait', until: sleep(dice.below(LONGEST_DELAY)) })
  const run = new MailRun(path, 'R5', dice)
  try {
    let left = tries
    const client = async () => {
      while (left-- > 0) await run.sendAndLeave(dice.pick(SIZES), dice.below(LONGEST_STAY))
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    const { haraka, mailbox, intake } = path
    // The originals that are still on their way, and their copies.
    await sleep(LONGEST_DELAY)
    const violations: string[] = []
    if (!(await comesTrue(() => haraka.queueFiles().length === 0, 10_000))) {
      violations.push(`I5 left in the queue: ${haraka.queueFiles().join(' ')}`)
    }
    violations.push(...(await run.violations()))
    const figures = {
      told: run.mails.filter(({ told }) => told !== 'nothing').length,
      originals: mailbox.messages.size,
      copies: intake.copies.size,
      inDoubt: haraka.log.filter((line) => / in doubt/.test(line)).length,
    }
    note(JSON.stringify(figures))
    return { n: tries, violations, figures }
  } finally {
    await path.close()
  }
}
