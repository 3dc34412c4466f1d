import type { MailPath } from '../support/mail-path'
import type { Sent } from './traffic'

export interface Compared {
  readonly accepted: number
  readonly copies: number
  /** Copies that came twice, where a machine was killed between the intake's 250 and its noting it. */
  readonly twice: number
  /** Everything that is not as promised, a sentence each. */
  readonly violations: readonly string[]
}

/** More of one kind say no more. */
const MOST_SHOWN = 20

const SUBJECT = /^Subject: (cluster \d+)\r\n/gm

/** The originals at the mailbox and the copies at the intake, counted as they come. */
export class Ledgers {
  private readonly originals = new Map<string, number>()
  private readonly copies = new Map<string, number>()

  constructor({ mailbox, intake }: MailPath) {
    mailbox.messages.listen((entry) => count(entry, this.originals))
    intake.copies.listen((entry) => count(entry, this.copies))
  }

  /**
   * What clients were told, against both. `mayBeTwice`: the mails whose copy was on its way when their machine was
   * killed.
   */
  compare(sent: readonly Sent[], mayBeTwice: (mail: Sent) => boolean): Compared {
    return compare(this.originals, this.copies, sent, mayBeTwice)
  }
}

function compare(
  originals: ReadonlyMap<string, number>,
  copies: ReadonlyMap<string, number>,
  sent: readonly Sent[],
  mayBeTwice: (mail: Sent) => boolean,
): Compared {
  const violations: string[] = []
  let [twice, all] = [0, 0]
  for (const mail of sent) {
    const { subject, machine, told } = mail
    const [original, copied] = [originals.get(subject) ?? 0, copies.get(subject) ?? 0]
    all += copied
    const complain = (what: string) => violations.push(`${subject} on ${machine}, ${told}: ${what}`)
    if (told === 'refused') complain('refused')
    if (told === 'accepted' && original !== 1) complain(`${original} originals`)
    if ((told === 'accepted' || original > 0) && copied === 0) complain('no copy')
    if (copied > 1 && mayBeTwice(mail)) twice++
    else if (copied > 1) complain(`${copied} copies`)
  }
  const accepted = sent.filter(({ told }) => told === 'accepted').length
  const more = violations.length - MOST_SHOWN
  const shown = more > 0 ? [...violations.slice(0, MOST_SHOWN), `${more} more`] : violations
  return { accepted, copies: all, twice, violations: shown }
}

/** In a report it is the original's subject that ends with the number. */
function count({ raw }: { readonly raw: Buffer }, counts: Map<string, number>): void {
  const subject = [...raw.toString('latin1').matchAll(SUBJECT)].at(-1)?.[1] ?? 'none'
  counts.set(subject, (counts.get(subject) ?? 0) + 1)
}
