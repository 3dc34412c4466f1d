/**
 * `npm run demo`: a real gateway with the packed plugin, and everything around it, on loopback.
 * With `--once` it ends after its own mails; without, it stays up for mail sent by hand.
 */
import { logText } from '../support/haraka'
import { isCopyOf } from '../support/identical'
import { sendMail } from '../support/smtp-client'
import { within } from '../support/within'
import { expectedCopies, names, outcomes, surplus } from './check'
import { type DemoMail, mails } from './mails'
import { byHand, explanation, heading, isConnectorLine, table } from './text'
import { startWorld, type World } from './world'

const START_DEADLINE = 60_000
const SHOW_DEADLINE = 90_000
const LINES_DEADLINE = 15_000

async function main(once: boolean): Promise<void> {
  console.log('Starting: the plugin is packed, certificates are made ...')
  const world = await unlessInterrupted(within(START_DEADLINE, 'the start', startWorld()))
  console.log(explanation(world))
  world.gateway.lines.listen((line) => {
    if (isConnectorLine(logText(line))) console.log(`    ${logText(line)}`)
  })
  await unlessInterrupted(within(SHOW_DEADLINE, 'the mails', show(world)))
  if (!once) await stayUp(world)
  await world.stop()
}

/** Sends the mails one after the other and shows what became of them. */
async function show(world: World): Promise<void> {
  for (const [at, mail] of mails.entries()) {
    console.log(heading(at + 1, mail))
    await sendAndFollow(world, mail)
  }
  const found = await outcomes(world)
  console.log(`${table(found)}\n`)
  const wrong = [
    ...found.flatMap((each) => each.wrong.map((what) => `${each.mail.title}: ${what}`)),
    ...surplus(world),
  ]
  if (wrong.length > 0) throw new Error(wrong.join('; '))
}

/** What the log says last of a copy, or of recipients that get none. */
const END = /TDC: Message \S+ .*(was successfully delivered|delivery failed|not copied)/

/** Sends one mail and waits until the log has told the end of all that was due. */
async function sendAndFollow({ gateway }: World, mail: DemoMail): Promise<void> {
  const due = expectedCopies(mail) + (mail.expected.skipped ? 1 : 0)
  const from = gateway.lines.size
  const ends = () => gateway.lines.entries.slice(from).filter((line) => END.test(line)).length

  const reply = await sendMail({ port: gateway.port }, mail)
  if (reply.code !== 250) {
    throw new Error(`${mail.title}: refused with ${reply.code} ${reply.lines.join(' ')}`)
  }
  const what = () => `${mail.title}: the log tells the end of ${ends()} copies or skips, not ${due}`
  await gateway.lines.until(() => ends() >= due, LINES_DEADLINE, what)
}

/** Tells what becomes of mail that is sent by hand, until Ctrl-C. */
async function stayUp({ gateway, mailbox, intakes }: World): Promise<void> {
  console.log(byHand(gateway.port))
  mailbox.messages.listen(({ to }) => console.log(`  original delivered to ${to.join(', ')}`))
  for (const name of names) {
    intakes[name].copies.listen((copy) => {
      void copy.original().then((attached) => {
        const same = mailbox.messages.entries.some(({ raw }) => isCopyOf(attached, raw))
        console.log(`  copy at intake ${name}, bytes identical: ${same ? 'yes' : 'NO'}`)
      })
    })
  }
  await interrupted
}

const interrupted = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
})

function unlessInterrupted<T>(work: Promise<T>): Promise<T> {
  const stop = interrupted.then(() => Promise.reject(new Error('interrupted')))
  return Promise.race([work, stop])
}

function end(failure?: unknown): void {
  if (failure === undefined) console.log('demo: ok')
  else {
    const [first = '', ...rest] = String(failure instanceof Error ? failure.message : failure)
      .trim()
      .split('\n')
    if (rest.length > 0) console.log(`\n${rest.join('\n')}`)
    console.log(`demo: failed: ${first}`)
  }
  // Whatever still listens after a failure ends here; the exit handlers clean up.
  process.exit(failure === undefined ? 0 : 1)
}

main(process.argv.includes('--once')).then(
  () => end(),
  (failure: unknown) => end(failure),
)
