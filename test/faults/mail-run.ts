import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import type { Dice } from '../support/dice'
import { isCopyOf } from '../support/identical'
import { mailAbout, type MailPath } from '../support/mail-path'
import { SmtpClient } from '../support/smtp-client'
import type { Mail } from '../support/smtp-client'
import { ClientLedger, type Told } from './client-ledger'
import { Lives } from './lives'

export interface SentMail {
  readonly subject: string
  readonly raw: Buffer
  told: Told
  /** The reply to the final dot. */
  reply: string
}

export interface Judgement {
  /** Copies of one mail that are not too many, beside one for each life; default any number. */
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
  readonly lives: Lives
  private readonly clients = new ClientLedger()

  constructor(
    private readonly path: MailPath,
    private readonly name: string,
    private readonly dice: Dice,
    /** Milliseconds that a client waits for each reply. */
    private readonly patience = 60_000,
  ) {
    this.lives = new Lives(path)
  }

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
    await this.clients.write(mail, mail.raw)
    return mail
  }

  /** Sends one mail and hangs up so many milliseconds after its final dot, whatever was said by then. */
  async sendAndLeave(octets: number, milliseconds: number): Promise<SentMail> {
    const mail = this.next(octets)
    const { port } = this.path.haraka
    const client = await SmtpClient.connect({ port, deadline: this.patience })
    await client.begin(mailAbout(''))
    const left = sleep(milliseconds).then(() => client.hangUp())
    const reply = await client.end(mail.raw).catch(() => undefined)
    await left
    if (reply) {
      mail.reply = `${reply.code} ${reply.lines.join(' ')}`
      mail.told = reply.code === 250 ? 'accepted' : 'refused'
    }
    await this.clients.write(mail, mail.raw)
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
   * The three ledgers compared: everything that is not as promised. I1: each accepted mail, and each
   * whose original went on, has a copy. I2: never two
   * copies without a kill between, nor more than it may have. I3: a copy has the bytes
   * of its original. I4: nothing was copied that was not sent. I6: the original was delivered, once
   * and only if the client was not told otherwise. I7: nobody got a message from the null sender.
   */
  async violations({ copies = () => Infinity, missed = () => false }: Judgement = {}): Promise<
    string[]
  > {
    const found: string[] = []
    const originals = bySubject(this.path.mailbox.messages.entries)
    const copied = bySubject(this.path.intake.copies.entries)
    const told = new Map(this.clients.read().map((entry) => [entry.subject, entry.told]))
    for (const mail of this.mails) {
      const mine = copied.get(mail.subject) ?? []
      const [original] = originals.get(mail.subject) ?? []
      const verdict = told.get(mail.subject) ?? 'nothing'
      const complain = (what: string) => found.push(`${mail.subject} (${mail.reply}): ${what}`)
      if (verdict === 'accepted' && !original) complain('I6 no original')
      if (verdict === 'refused' && original) complain('I6 an original of a refused mail')
      if (mine.length === 0 && !missed(mail)) {
        if (verdict === 'accepted') complain('I1 no copy')
        else if (original && verdict === 'nothing') complain('I1 an original, but no copy')
      }
      const needless = this.lives.needless(mail.subject)
      if (needless > 0) complain(`I2 ${mine.length} copies, ${needless} without a kill between`)
      else if (mine.length > copies(mail)) complain(`I2 ${mine.length} copies`)
      for (const copy of mine) {
        const attached = await copy.original().catch(() => Buffer.alloc(0))
        const whole = original ? isCopyOf(attached, original.raw) : endsWith(attached, mail.raw)
        if (!whole) complain(`I3 a copy of ${attached.length} octets is not the original`)
      }
    }
    const sent = new Set(this.mails.map(({ subject }) => subject))
    for (const subject of copied.keys()) {
      if (subject.startsWith(`${this.name} `) && !sent.has(subject)) {
        found.push(`I4 a copy of ${subject}, which was never sent`)
      }
    }
    const bounces = this.path.mailbox.messages.entries.filter(({ from }) => from === '')
    for (const { to } of bounces) found.push(`I7 a message from <> to ${to.join(', ')}`)
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
