import { createAuthority } from '../support/certificates'
import { FakeDns } from '../support/fake-dns'
import { gateway } from '../support/gateway'
import { complaints, type HarakaServer, startHaraka } from '../support/haraka'
import { type Copy, type Intake, startIntakesOnOnePort } from '../support/intake'
import { type Mailbox, startMailbox } from '../support/mailbox'
import { SmtpClient } from '../support/smtp-client'
import type { Sample } from './generator'

/** The address that the samples come from. */
export const CLIENT_IP = '127.0.0.1'

const CLIENTS = 6
/** Milliseconds until a copy that has not come counts as lost. */
const COPIES_DEADLINE = 60_000

/** What became of one sample: at the gateway, in the mailbox and at the intakes. */
export interface Passed {
  readonly sample: Sample
  /** The reply to its final dot; undefined: the connection was closed. */
  readonly code: number | undefined
  readonly originals: readonly Buffer[]
  readonly journals: readonly Buffer[]
  readonly plainCopies: readonly Buffer[]
}

const SITES = [
  { format: 'journal', domain: 'journal.example', mx: 'mx.journal.example', ip: '127.0.0.2' },
  { format: 'bcc', domain: 'plain.example', mx: 'mx.plain.example', ip: '127.0.0.3' },
] as const

/** A real gateway, its mailbox server and two intakes: one gets journal reports, one plain copies. */
export class Passage {
  private constructor(
    private readonly server: HarakaServer,
    private readonly mailbox: Mailbox,
    private readonly intakes: readonly Intake[],
    private readonly dns: FakeDns,
  ) {}

  static async open(): Promise<Passage> {
    const authority = await createAuthority()
    const intakes = await startIntakesOnOnePort(
      SITES.map(({ mx, ip }) => ({ authority, names: [mx], host: ip })),
    )
    const mailbox = await startMailbox()
    const dns = await FakeDns.start(
      Object.fromEntries(
        SITES.flatMap(({ domain, mx, ip }) => [
          [domain, { mx: [[10, mx]] }],
          [mx, { a: [ip] }],
        ]),
      ),
    )
    const server = await startHaraka(
      gateway({
        mailbox,
        dns: dns.address,
        trusted: authority.caPem,
        domains: SITES.map(({ format }) => `${format}.test`),
        // Haraka by itself breaks long lines, and refuses what is larger than 25 MB.
        config: { 'connection.ini': '[max]\ndata_line_length=10000000\nbytes=104857600\n' },
        tdc: tdcIni(intakes[0]?.port ?? 0),
      }),
    )
    const [complaint] = complaints(server.log)
    if (complaint !== undefined) throw new Error(complaint)
    return new Passage(server, mailbox, intakes, dns)
  }

  /** Sends the samples, each to a mailbox in both formats' domains, and waits for the copies. */
  async pass(samples: readonly Sample[]): Promise<Passed[]> {
    for (const { clear } of this.ledgers()) clear()
    const codes: (number | undefined)[] = []
    const waiting = [...samples.entries()]
    await Promise.all(
      Array.from({ length: CLIENTS }, () => this.send(waiting, (at, code) => (codes[at] = code))),
    )
    const [journals, plainCopies] = this.intakes.map(({ copies }) => copies)
    const due = codes.filter((code) => code === 250).length
    for (const copies of [journals, plainCopies]) {
      await copies?.atLeast(due, COPIES_DEADLINE, 'copies').catch(() => undefined)
    }
    const [inMailbox, asJournal, asPlain] = [
      byNumber(this.mailbox.messages.entries, ({ to }) => to[0]),
      byNumber(journals?.entries ?? [], recipientOfJournal),
      byNumber(plainCopies?.entries ?? [], recipientOfPlainCopy),
    ]
    return samples.map((sample, at) => ({
      sample,
      code: codes[at],
      originals: inMailbox.get(at) ?? [],
      journals: asJournal.get(at) ?? [],
      plainCopies: asPlain.get(at) ?? [],
    }))
  }

  async close(): Promise<void> {
    await this.server.remove()
    await Promise.all([this.mailbox, ...this.intakes].map((each) => each.close()))
    await this.dns.close()
  }

  private ledgers(): { clear: () => void }[] {
    const all = [this.mailbox.messages, ...this.intakes.map(({ copies }) => copies)]
    return all.map((ledger) => ({ clear: () => ledger.clear() }))
  }

  private async send(
    waiting: [number, Sample][],
    told: (at: number, code: number | undefined) => void,
  ): Promise<void> {
    let client: SmtpClient | undefined
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [at, { raw }] = next
      try {
        client ??= await SmtpClient.connect({ port: this.server.port, deadline: 60_000 })
        const to = SITES.map(({ format }) => `m${at}@${format}.test`)
        const { code } = await client.send({ from: 'sender@client.example', to, raw })
        told(at, code)
      } catch {
        told(at, undefined)
        client?.hangUp()
        client = undefined
      }
    }
    await client?.quit()
  }
}

function tdcIni(port: number): string {
  const policies = SITES.map(
    ({ format, domain }) =>
      `[policy.${format}]\nrecipients=listed\nrecipient_list[]=@${format}.test\n` +
      `intake=custom\nintake_address=intake@${domain}\n`,
  )
  return (
    `[main]\nenabled=true\n${policies.join('')}` +
    `[formats]\nintake@plain.example=bcc\n[delivery]\nport=${port}\n`
  )
}

/** By the number in the recipient's local part. */
function byNumber<T extends { readonly raw: Buffer }>(
  messages: readonly T[],
  recipientOf: (message: T) => string | undefined,
): Map<number, Buffer[]> {
  const found = new Map<number, Buffer[]>()
  for (const message of messages) {
    const number = Number(/^m(\d+)@/.exec(recipientOf(message) ?? '')?.[1])
    found.set(number, [...(found.get(number) ?? []), message.raw])
  }
  return found
}

const recipientOfJournal = ({ raw }: Copy) =>
  /^Recipient: ([^\r\n,]+)/m.exec(raw.toString('latin1', 0, 8192))?.[1]

const recipientOfPlainCopy = ({ raw }: Copy) =>
  /^X-CSE-RcptTo: <?([^\r\n>]+)/m.exec(raw.toString('latin1', 0, 8192))?.[1]
