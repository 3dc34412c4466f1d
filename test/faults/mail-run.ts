import { createHash } from 'node:crypto'
import type { Dice } from '../support/dice'
import { isCopyOf } from '../support/identical'
import { mailAbout, type MailPath } from '../support/mail-path'
import { SmtpClient } from '../support/smtp-client'
import type { Mail } from '../support/smtp-client'
import { comesTrue } from './process-state'

/** What the client of a mail was told; `nothing`: the connection ended before it was told anything. */
type Told = 'accepted' | 'refused' | 'nothing'

export interface SentMail {
  readonly subject: string
  readonly raw: Buffer
  told: Told
  /** The reply to the final dot. */
  reply: string
}

export interface Judgement {
  /** Copies of one mail that are not too many; default 1. */
  readonly copies?: (mail: SentMail) => number
  /** Mails that may be without a copy although they were accepted, because the log says so. */
  readonly missed?: (mail: SentMail) => boolean
}

const LINE = 78

/**
 * Numbered mails through one gateway: what their clients were told, against the originals at the
 * mailbox and the copies at the intake.
 */
export class MailRun {
  readonly mails: SentMail[] = []

  constructor(
    private readonly path: MailPath,
    private readonly name: string,
    private readonly dice: Dice,
    /** Milliseconds that a client waits for each reply. */
    private readonly patience = 60_000,
  ) {}

  /** Sends one mail over a connection of its own. Never rejects: a crash is what is tested. */
  async send(octets = 500, more: Partial<Mail> = {}): Promise<SentMail> {
    const mail = this.next(octets)
    try {
      const { port } = this.path.haraka
      const client = await SmtpClient.connect({ port, deadline: this.patience })
      const { code, lines } = await client.send(mailAbout('', { raw: mail.raw, ...more }))
      mail.reply = `${code} ${lines.join(' ')}`
      mail.told = code === 250 ? 'accepted' : 'refused'
      void client.quit()
    } catch {
      // The server ended under the client: it was told nothing.
    }
    return mail
  }

  /** Sends so many mails over so many connections at a time. */
  async sendMany(
    count: number,
    octets: number,
    { atATime = 10, ...more }: Partial<Mail> & { atATime?: number } = {},
  ): Promise<SentMail[]> {
    const sent: SentMail[] = []
    let left = count
    const one = async () => {
      while (left-- > 0) sent.push(await this.send(octets, more))
    }
    await Promise.all(Array.from({ length: Math.min(atATime, count) }, one))
    return sent
  }

  /** True when every accepted mail that is not missed has its copy. */
  allCopied(milliseconds: number, missed: Judgement['missed'] = () => false): Promise<boolean> {
    const waited = this.mails.filter((mail) => mail.told === 'accepted' && !missed(mail))
    return comesTrue(() => {
      const copied = new Set(this.path.intake.copies.entries.map(({ raw }) => subjectOf(raw)))
      return waited.every(({ subject }) => copied.has(subject))
    }, milliseconds)
  }

  /**
   * Everything that is not as promised: an accepted mail without original or copy, a copy too many, a
   * copy that is not of its original, a copy of nothing that was sent.
   */
  async violations({ copies = () => 1, missed = () => false }: Judgement = {}): Promise<string[]> {
    const found: string[] = []
    const originals = bySubject(this.path.mailbox.messages.entries)
    const copied = bySubject(this.path.intake.copies.entries)
    for (const mail of this.mails) {
      const mine = copied.get(mail.subject) ?? []
      const [original] = originals.get(mail.subject) ?? []
      const complain = (what: string) => found.push(`${mail.subject} (${mail.reply}): ${what}`)
      if (mail.told === 'accepted' && !original) complain('no original')
      if (mail.told === 'refused' && original) complain('an original of a refused mail')
      if (mail.told === 'accepted' && mine.length === 0 && !missed(mail)) complain('no copy')
      if (mine.length > copies(mail)) complain(`${mine.length} copies`)
      for (const copy of mine) {
        const attached = await copy.original().catch(() => Buffer.alloc(0))
        const whole = original ? isCopyOf(attached, original.raw) : endsWith(attached, mail.raw)
        if (!whole) complain(`a copy of ${attached.length} octets is not the original`)
      }
    }
    const sent = new Set(this.mails.map(({ subject }) => subject))
    for (const subject of copied.keys()) {
      if (subject.startsWith(`${this.name} `) && !sent.has(subject)) {
        found.push(`a copy of ${subject}, which was never sent`)
      }
    }
    return found
  }

  private next(octets: number): SentMail {
    const subject = `${this.name} ${this.mails.length}`
    const seed = `${subject} ${this.dice.next()}`
    const lines = [`Subject: ${subject}`, '', ...bodyLines(seed, octets)]
    const raw = Buffer.from(lines.join('\r\n') + '\r\n')
    const mail: SentMail = { subject, raw, told: 'nothing', reply: 'no reply' }
    this.mails.push(mail)
    return mail
  }
}

/** Lines of hexadecimal digits: no two mails have one in common. */
function bodyLines(seed: string, octets: number): string[] {
  const digest = createHash('sha512')
    .update(seed)
    .digest('hex')
    .slice(0, LINE - 10)
  const count = Math.max(1, Math.round(octets / LINE))
  return Array.from({ length: count }, (_, at) => `${String(at).padStart(8, '0')} ${digest}`)
}

const SUBJECT = /^Subject: ([^\r\n]*)\r\n\r\n/m

/** Of the original, also in a report: the only Subject that ends a header. */
export function subjectOf(raw: Buffer): string {
  const at = raw.indexOf('message/rfc822')
  const text = raw.toString('latin1', at < 0 ? 0 : at, (at < 0 ? 0 : at) + 4096)
  return SUBJECT.exec(text)?.[1] ?? ''
}

function bySubject<T extends { raw: Buffer }>(entries: readonly T[]): Map<string, T[]> {
  const all = new Map<string, T[]>()
  for (const entry of entries) {
    const subject = subjectOf(entry.raw)
    all.set(subject, [...(all.get(subject) ?? []), entry])
  }
  return all
}

function endsWith(attached: Buffer, raw: Buffer): boolean {
  return attached.subarray(-raw.length).equals(raw)
}
