import { isCopyOf, isDeliveryOf } from '../support/identical'
import type { Copy } from '../support/intake'
import type { Received } from '../support/mailbox'
import { type DemoMail, type IntakeName, mails } from './mails'
import { sites, type World } from './world'

/** What became of one mail. */
export interface Outcome {
  readonly mail: DemoMail
  readonly originals: number
  readonly copies: Readonly<Record<IntakeName, number>>
  /** Whether every copy is the delivered original byte for byte; undefined: there is no copy. */
  readonly identical: boolean | undefined
  /** What is not as it must be, a phrase each. */
  readonly wrong: readonly string[]
}

export const names = Object.keys(sites) as IntakeName[]

export function expectedCopies(mail: DemoMail): number {
  return names.filter((name) => mail.expected.copies[name] !== undefined).length
}

export async function outcomes(world: World): Promise<Outcome[]> {
  return Promise.all(mails.map((mail) => outcome(world, mail)))
}

/** What is wrong with the whole, beyond the single mails. */
export function surplus(world: World): string[] {
  const quarantined = mails.filter((mail) => !mail.expected.delivered).length
  const copies = names.flatMap((name) => world.intakes[name].copies.entries)
  const due = mails.reduce((sum, mail) => sum + expectedCopies(mail), 0)
  return [
    ...differs('messages in quarantine', world.quarantined(), quarantined),
    ...differs('originals in all', world.mailbox.messages.size, mails.length - quarantined),
    ...differs('copies in all', copies.length, due),
    ...differs('files left in the queue', world.gateway.queueFiles().length, 0),
  ]
}

async function outcome(world: World, mail: DemoMail): Promise<Outcome> {
  const { expected } = mail
  const originals = world.mailbox.messages.entries.filter(({ raw }) => raw.includes(mail.raw))
  const [original] = originals
  const wrong = differs('originals', originals.length, expected.delivered ? 1 : 0)
  if (original !== undefined) wrong.push(...originalProblems(original, mail))

  const copies = { A: 0, B: 0 }
  let identical: boolean | undefined
  for (const name of names) {
    const here = world.intakes[name].copies.entries.filter(({ raw }) => raw.includes(mail.raw))
    const recipients = expected.copies[name]
    copies[name] = here.length
    wrong.push(
      ...differs(`copies at intake ${name}`, here.length, recipients === undefined ? 0 : 1),
    )
    for (const copy of here) {
      const same = original !== undefined && isCopyOf(await copy.original(), original.raw)
      identical = same && identical !== false
      if (!same) wrong.push(`the copy at intake ${name} is not the delivered original`)
      wrong.push(...(await copyProblems(copy, name, recipients ?? [])))
    }
  }
  return { mail, originals: originals.length, copies, identical, wrong }
}

function originalProblems(original: Received, mail: DemoMail): string[] {
  return [
    ...(isDeliveryOf(original.raw, mail.raw) ? [] : ['the original was changed on its way']),
    ...differs('sender of the original', original.from, mail.from),
    ...differs('recipients of the original', original.to.join(' '), mail.to.join(' ')),
  ]
}

async function copyProblems(
  copy: Copy,
  name: IntakeName,
  recipients: readonly string[],
): Promise<string[]> {
  const named = [...((await copy.report()).text ?? '').matchAll(/^Recipient: (.*)$/gm)]
  return [
    ...differs(`sender of copy ${name}`, copy.from, ''),
    ...differs(`address of copy ${name}`, copy.to.join(' '), sites[name].address),
    ...differs(
      `recipients named in copy ${name}`,
      named.map(([, recipient]) => recipient).join(' '),
      recipients.join(' '),
    ),
  ]
}

function differs<T>(what: string, found: T, due: T): string[] {
  return found === due ? [] : [`${what}: ${String(found)}, not ${String(due)}`]
}
