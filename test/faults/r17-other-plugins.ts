import { comesTrue } from '../support/comes-true'
import { Gate } from '../support/gate'
import { MailPath } from '../support/mail-path'
import { SmtpClient } from '../support/smtp-client'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'

/** Seconds that Haraka gives a hook: for so long a hanging `delivered` hook keeps a file. */
const PLUGIN_TIMEOUT = 2

/**
 * Milliseconds that the pipe is held: less than the connector waits for it. Held for longer, Haraka
 * itself ends when it forwards the message.
 */
const HELD_PIPE = 'pipe-300'

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
    try {
      // One at a time: only the pipe is in the way.
      for (let i = 0; i < times; i++) {
        await run.send(500, { to: [`${HELD_PIPE}@example.com`] })
        const refused = await run.send(500, { to: ['reject-override@example.com'] })
        if (refused.told !== 'accepted') violations.push(`not overridden: ${refused.reply}`)
      }
      await run.allCopied(20_000)
      violations.push(...(await flushed(path, run, times)))
      // Found at a start, they come through all the send_email hooks.
      path.onCopy = () => new Promise(() => {})
      await run.sendMany(times, 500)
      await path.haraka.kill9()
      path.onCopy = () => Promise.resolve(undefined)
      await path.haraka.start()
      if (!(await run.allCopied(30_000))) violations.push('not all copied in 30 s')
      const idle = () => path.haraka.queueFiles().length === 0
      if (!(await comesTrue(idle, 10_000))) {
        violations.push(`left in the queue: ${path.haraka.queueFiles().join(' ')}`)
      }
      const bad = /core goes on with|Caught exception|^\[CRIT\](?!.*timed out on hook)/
      violations.push(...path.haraka.lines.entries.filter((line) => bad.test(line)))
      const slots = await path.ask('STATUS QUEUE STATS')
      if (slots !== '"0/0/0"') violations.push(`Haraka's slots are ${slots}`)
      violations.push(...(await run.violations()))
      note(`${run.mails.length} mails, each of them flushed ${times + 3} times`)
      return { n: run.mails.length, violations }
    } catch (error) {
      throw new Error(`${String(error)}\n${path.haraka.tail(20)}`, { cause: error })
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
  await run.allCopied(20_000)
  for (let i = 0; i < 3; i++) await client.command('TDC FLUSH')
  void client.quit()
  const idle = () => path.haraka.queueFiles().length === 0
  return (await comesTrue(idle, (PLUGIN_TIMEOUT + 10) * 1_000)) ? [] : ['not empty after the flush']
}
