import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { comesTrue } from '../support/comes-true'
import type { Dice } from '../support/dice'
import { Gate } from '../support/gate'
import { INTAKE_ADDRESS, MailPath } from '../support/mail-path'
import { SmtpClient } from '../support/smtp-client'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun, subjectOf } from './mail-run'

const OTHER_ADDRESS = 'second@scan.example'
const MAILS = 3

/** Settings with a mistake: the ones before them stay in force. */
const BAD: readonly ((good: string, dice: Dice) => string | Buffer)[] = [
  (good) => good.replace('intake_address=', 'intake_address=@@'),
  (good) => good.replace('[main]', '[main]\nenabeld=true'),
  (good) => `${good}\nmax_connections=many`,
  (good) => good.replace('intake=default', 'intake=perhaps'),
  (good) => `${good}\n[polcy.staff]\nintake=no`,
  (good, dice) => `${good}\nretry_delay=${dice.below(1_000_000) + 4_000}`,
  (_good, dice) => Buffer.concat([Buffer.from('[main]\nenabled=true\nx'), dice.octets(300)]),
]

export const configChaos: FaultCase = {
  name: 'R20',
  title: 'settings change under load, also to bad ones; the plugin goes and comes back',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const reloads = long ? 500 : 40
    const path = await MailPath.start({
      beforeTdc: ['tdc_inspect', 'reloader'],
      sections: ['[queue]', 'write_ahead=log'],
    })
    const run = new MailRun(path, 'R20', dice)
    const intakes = new Map<string, string>()
    try {
      const client = await SmtpClient.connect(path.haraka)
      const good = settings(path, dice)
      let inForce = INTAKE_ADDRESS
      async function reload(text: string | Buffer): Promise<void> {
        path.haraka.writeConfig('tdc.ini', text as string)
        await client.command('RELOAD tdc.ini')
      }
      async function send(): Promise<void> {
        for (const { subject } of await run.sendMany(MAILS, 500)) intakes.set(subject, inForce)
      }

      for (let i = 0; i < reloads; i++) {
        if (dice.below(2) === 0) {
          inForce = dice.pick([INTAKE_ADDRESS, OTHER_ADDRESS])
          await reload(good(inForce))
        } else await reload(dice.pick(BAD)(good(dice.pick([OTHER_ADDRESS, INTAKE_ADDRESS])), dice))
        await send()
      }

      // What is in the queue keeps its intake, over the change and a restart.
      const gate = new Gate()
      path.onCopy = () => gate.wait().then(() => undefined)
      await reload(good((inForce = INTAKE_ADDRESS)))
      await send()
      await reload(good((inForce = OTHER_ADDRESS)))
      await send()
      await client.quit()
      await path.haraka.kill9()
      gate.open()
      path.onCopy = () => Promise.resolve(undefined)
      await path.haraka.start()

      const violations = (await run.allCopied(20_000)) ? [] : ['not all copied in 20 s']
      violations.push(...(await run.violations()), ...astray(path, intakes))
      violations.push(...(await withoutPlugin(path, run)))
      const refused = path.haraka.lines.entries.filter((line) => line.includes('tdc.ini refused'))
      if (refused.length === 0) violations.push('no settings were refused')
      note(`${reloads} reloads, ${refused.length} refused`)
      return { n: reloads, violations, figures: { refused: refused.length } }
    } finally {
      await path.close()
    }
  },
}

/** The gateway's own tdc.ini with another intake address, and copies that are written somewhere else. */
function settings({ haraka }: MailPath, dice: Dice): (intake: string) => string {
  const text = readFileSync(join(haraka.dir, 'config/tdc.ini'), 'utf8')
  return (intake) =>
    text
      .replace(`intake_address=${INTAKE_ADDRESS}`, `intake_address=${intake}`)
      .replace('write_ahead=log', `write_ahead=${dice.pick(['log', 'file'])}`)
}

/** Copies that went to another intake than the one in force when their mail came. */
function astray({ intake }: MailPath, intakes: ReadonlyMap<string, string>): string[] {
  return intake.copies.entries.flatMap(({ raw, to }) => {
    const subject = subjectOf(raw)
    const wanted = intakes.get(subject)
    return to.join() === wanted ? [] : [`${subject} went to ${to.join()}, not to ${wanted}`]
  })
}

/** Without the connector, Haraka gives its copies up; it bounces none, and mail goes on. */
async function withoutPlugin(path: MailPath, run: MailRun): Promise<string[]> {
  const { haraka } = path
  path.onCopy = () => new Promise(() => {})
  await run.sendMany(MAILS, 500)
  await path.filed(MAILS)
  await haraka.kill9()
  path.onCopy = () => Promise.resolve(undefined)
  const plugins = readFileSync(join(haraka.dir, 'config/plugins'), 'utf8')
  haraka.writeConfig('plugins', plugins.replace('tdc\n', ''))
  await haraka.start()
  const uncopied = new MailRun(path, 'uncopied', { next: () => 0 } as Dice)
  await uncopied.send()
  await comesTrue(() => haraka.queueFiles().length === 0, 5_000)
  haraka.writeConfig('plugins', plugins)
  await haraka.restart()
  await run.send()
  await comesTrue(() => haraka.queueFiles().length === 0, 10_000)

  const sent = new Set([...run.mails, ...uncopied.mails].map(({ subject }) => subject))
  const strange = path.mailbox.messages.entries.filter(({ raw }) => !sent.has(subjectOf(raw)))
  const found = strange.map(({ raw }) => `a mail that nobody sent: ${subjectOf(raw)}`)
  const [other] = uncopied.mails
  if (other?.told !== 'accepted') found.push('without the plugin, mail did not go on')
  if (haraka.queueFiles().length > 0) found.push('files are left for nobody')
  return found
}
