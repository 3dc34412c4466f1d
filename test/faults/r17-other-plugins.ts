import { Gate } from '../support/gate'
import { MailPath } from '../support/mail-path'
import { SmtpClient } from '../support/smtp-client'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun, type SentMail } from './mail-run'
import { comesTrue } from './process-state'

/** Seconds that Haraka gives a hook: for so long a hanging `delivered` hook keeps a file. */
const PLUGIN_TIMEOUT = 2

/** Milliseconds that the pipe is held: less, and more, than the connector waits for it. */
const [SHORT_PIPE, LONG_PIPE] = ['pipe-30', 'pipe-400']

export const otherPlugins: FaultCase = {
  name: 'R17',
  title: 'other plugins hold the pipe, hook send_email, override denials; the queue is flushed',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const times = long ? 200 : 10
    const path = await MailPath.start({
      beforeTdc: ['status', 'tdc_inspect', 'meddler'],
      afterTdc: ['queue_whims'],
      config: { plugin_timeout: `${PLUGIN_TIMEOUT}\n`, 'queue_whims.timeout': '0.5\n' },
      delivery: ['retry_delay=1'],
    })
    const run = new MailRun(path, 'R17', dice)
    const violations: string[] = []
    const missed = (mail: SentMail) => saysMissed(path, mail)
    try {
      // One at a time: only the pipe is in the way.
      for (let i = 0; i < times; i++) {
        await run.send(500, { to: [`${SHORT_PIPE}@example.com`] })
        const refused = await run.send(500, { to: ['reject-override@example.com'] })
        if (refused.told !== 'accepted') violations.push(`not overridden: ${refused.reply}`)
      }
      violations.push(...run.mails.filter(missed).map(({ subject }) => `${subject} was missed`))
      // Held for too long, there is no copy, and the log says so.
      for (let i = 0; i < times; i += 5) await run.send(500, { to: [`${LONG_PIPE}@example.com`] })

      violations.push(...(await flushed(path, run, times)))
      await path.haraka.kill9()
      await path.haraka.start()
      if (!(await run.allCopied(30_000, missed))) violations.push('not all copied in 30 s')
      const idle = () => path.haraka.queueFiles().length === 0
      if (!(await comesTrue(idle, 10_000))) {
        violations.push(`left in the queue: ${path.haraka.queueFiles().join(' ')}`)
      }
      const bad = /core goes on with|Caught exception|^\[CRIT\](?!.*timed out on hook)/
      violations.push(...path.haraka.lines.entries.filter((line) => bad.test(line)))
      // The kill hits copies whose `delivered` hook hangs: they are sent again.
      const slots = async () => (await path.ask('STATUS QUEUE STATS')) === '"0/0/0"'
      if (!(await slots())) violations.push("Haraka's slots are taken")
      violations.push(...(await run.violations({ missed, copies: () => 1 })))
      note(`${run.mails.length} mails, ${run.mails.filter(missed).length} missed and told`)
      return { n: run.mails.length, violations }
    } finally {
      await path.close()
    }
  },
}

/** Copies on their way while the queue is flushed in all the ways that there are. */
async function flushed(path: MailPath, run: MailRun, times: number): Promise<string[]> {
  const gate = new Gate()
  path.onCopy = () => gate.wait().then(() => undefined)
  await run.sendMany(times, 500)
  const client = await SmtpClient.connect(path.haraka)
  for (let i = 0; i < times; i++) {
    path.haraka.signal('SIGHUP')
    await client.command('TDC FLUSH')
    for (const file of path.haraka.queueFiles()) await client.command(`STATUS QUEUE PUSH ${file}`)
  }
  gate.open()
  path.onCopy = () => Promise.resolve(undefined)
  // Delivered, they stay until the hanging `delivered` hook is over; flushed, they are not sent again.
  await run.allCopied(20_000, (mail) => saysMissed(path, mail))
  for (let i = 0; i < 3; i++) await client.command('TDC FLUSH')
  void client.quit()
  const idle = () => path.haraka.queueFiles().length === 0
  return (await comesTrue(idle, (PLUGIN_TIMEOUT + 10) * 1_000)) ? [] : ['not empty after the flush']
}

function saysMissed({ haraka }: MailPath, { reply }: SentMail): boolean {
  const uuid = /\(([0-9A-F-]{36}\.\d+)\)/.exec(reply)?.[1] ?? 'none'
  return haraka.lines.entries.some((line) => line.includes(`Message ${uuid} not copied to`))
}
