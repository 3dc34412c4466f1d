import { type ParsedMail, simpleParser } from 'mailparser'
import { isCopyOf, isDeliveryOf } from '../support/identical'
import { attachedOriginal } from '../support/intake'
import type { Received } from '../support/mailbox'
import { messageId, type NumberedMail } from './messages'

export interface Findings {
  /** Mails of which a copy arrived. */
  readonly arrived: number
  /** Mails whose copy is the delivered original, byte for byte. */
  readonly identical: number
  /** Everything that is not as it must be, a sentence each. */
  readonly violations: readonly string[]
}

/** Compares what was sent, what the mailboxes got and what came out of the intake. */
export async function check(
  mails: readonly NumberedMail[],
  originals: readonly Received[],
  arrivals: readonly Received[],
  intakeAddress: string,
): Promise<Findings> {
  const violations: string[] = []
  const arrived = new Set<number>()
  const identical = new Set<number>()
  for (const arrival of arrivals) {
    const report = await simpleParser(arrival.raw)
    const attached = attachedOriginal(report)
    const mail = mails.find(({ number }) => headOf(attached).includes(messageId(number)))
    if (mail === undefined) {
      violations.push(`a copy of a mail that was never sent: ${report.subject ?? ''}`)
      continue
    }
    const name = `mail ${mail.number} (${mail.kind})`
    if (arrived.has(mail.number)) violations.push(`${name}: more than one copy`)
    arrived.add(mail.number)
    violations.push(...wrongInCopy(mail, arrival, report, intakeAddress, name))
    const original = originals.find(({ raw }) => headOf(raw).includes(messageId(mail.number)))
    if (original !== undefined && isCopyOf(attached, original.raw)) identical.add(mail.number)
    else violations.push(`${name}: the copy is not the delivered original`)
  }
  for (const mail of mails) violations.push(...wrongInDelivery(mail, originals))
  return { arrived: arrived.size, identical: identical.size, violations }
}

function wrongInCopy(
  mail: NumberedMail,
  arrival: Received,
  report: ParsedMail,
  intakeAddress: string,
  name: string,
): string[] {
  const wrong: string[] = []
  if (arrival.from !== '') wrong.push(`${name}: the copy has the sender <${arrival.from}>`)
  if (arrival.to.join() !== intakeAddress) wrong.push(`${name}: the copy goes to ${arrival.to}`)
  // Postfix's own words on how the copy reached it.
  if (!/^Received: [^]*?\(using TLSv1\.[23] with cipher/.test(headOf(arrival.raw))) {
    wrong.push(`${name}: the copy came without TLS`)
  }
  const named = [...(report.text ?? '').matchAll(/^Recipient: (.*)$/gm)].map(([, who]) => who)
  if (named.join() !== mail.to.join()) wrong.push(`${name}: the copy names ${named.join()}`)
  return wrong
}

function wrongInDelivery(mail: NumberedMail, originals: readonly Received[]): string[] {
  const name = `mail ${mail.number} (${mail.kind})`
  const own = originals.filter(({ raw }) => headOf(raw).includes(messageId(mail.number)))
  const [original] = own
  if (original === undefined || own.length > 1) return [`${name}: ${own.length} originals`]
  if (isDeliveryOf(original.raw, mail.raw)) return []
  return [`${name}: the original was changed on its way`]
}

function headOf(raw: Buffer): string {
  return raw.toString('latin1', 0, 2048)
}
