import { setTimeout as wait } from 'node:timers/promises'
import { ANY } from '../base/sought'
import { systemClock } from '../clock'
import type { Status } from '../monitor/status'
import type { TrackedStep } from '../monitor/tracked'
import { command, EXIT, show, textOption } from './command'
import { clockText } from './moments'
import { ask } from './server'

/** Milliseconds between two looks at what became of it. */
const PAUSE = 500
/** Milliseconds after which it is waited for no more: longer than any copy lives by default. */
const PATIENCE = 150_000

/** Steps after which nothing more happens. */
const ENDS: ReadonlySet<string> = new Set([
  'delivered',
  'tls-error',
  'hard-bounced',
  'expired',
  'vanished',
  'withdrawn',
  'dropped',
])

const NEWEST = { cameTo: '', sort: '', most: 1 } as const

const HELD = 'its delivery is held: haraka-tdc release lets it go'

export const sendTestCommand = command('send-test', {
  options: {
    intake: textOption(
      'ADDRESS',
      'to this intake address of the settings, in place of the default one',
    ),
  },
  summary: "a test message's copy through the real queue, and what becomes of it",
  help: [
    'The message has the header X-TDC-Test and counts like any other copy.',
    'Exit code 1: it was not delivered.',
  ],
  async run(call) {
    const sent = await ask(call, 'send-test', { intake: call.values.intake })
    if (!call.json) call.terminal.print([`MID ${sent.mid} to ${sent.intake}`])
    const held = isHeld(await ask(call, 'status', {}), sent.intake)
    const isEnd = ({ kind }: TrackedStep) => ENDS.has(kind) || (held && kind === 'enqueued')
    let steps: readonly TrackedStep[] = []
    let told = 0
    const end = systemClock.monotonic() + PATIENCE
    for (; systemClock.monotonic() < end; await wait(PAUSE)) {
      const { messages } = await ask(call, 'track', { wanted: sent.mid, ...ANY, ...NEWEST })
      steps = messages[0]?.steps ?? []
      if (!call.json) call.terminal.print(steps.slice(told).map(stepText))
      told = steps.length
      if (steps.some(isEnd)) break
      call.terminal.progress('waiting for the intake')
    }
    const delivered = steps.some(({ kind }) => kind === 'delivered')
    if (call.json) show(call, { ...sent, delivered, steps }, () => [])
    else if (!steps.some(({ kind }) => ENDS.has(kind))) {
      call.terminal.print([held ? HELD : 'still in the queue; track it by its MID'])
    }
    return delivered ? EXIT.ok : EXIT.no
  },
})

/** Then nothing comes of it until somebody releases it. */
function isHeld({ holds }: Status, intake: string): boolean {
  return holds.includes('all') || holds.includes(intake.slice(intake.lastIndexOf('@') + 1))
}

function stepText({ at, kind, text }: TrackedStep): string {
  return `${clockText(at)}  ${kind.padEnd(14)}  ${text}`
}
