import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from '../support/certificates'
import { FakeDns, type FakeRecords } from '../support/fake-dns'
import type { HarakaOptions, HarakaServer } from '../support/haraka'
import { type Intake, startIntakesOnOnePort } from '../support/intake'
import type { StatusReply } from '../support/mail-path'
import { SmtpClient } from '../support/smtp-client'
import { makeTempDir, removeTempDir } from '../support/temp-dir'
import { runSession } from './clients'
import { draw } from './draw'
import { Evidence } from './evidence'
import { type Around, startGateway } from './gateway'
import { judge } from './model'
import { type Kept, MailboxServer } from './mailbox-server'
import { type Gateway, INTAKE, type PluginEnd, type Session, VIP_INTAKE } from './plan'

/** Connections to a gateway at a time. */
const AT_A_TIME = 12

/** Milliseconds after the last client in which all that a gateway still has must be done. */
const SETTLE = 30_000
const LOOK = 250

/** What came of one gateway. */
export interface Verdict {
  readonly gateway: Gateway
  readonly mails: number
  /** How often a mail came to a mailbox. */
  readonly kept: number
  readonly copies: number
  readonly misses: number
  readonly violations: readonly string[]
  readonly log: readonly string[]
}

/** The intakes that all gateways of a run share. */
export class Trial {
  private constructor(
    private readonly intakes: readonly Intake[],
    private readonly dns: FakeDns,
    private readonly trusted: string,
    private readonly install: HarakaOptions['install'],
  ) {}

  /** `install`: puts another build than ours into the gateways. */
  static async start(install?: HarakaOptions['install']): Promise<Trial> {
    const authority = await createAuthority()
    const sites = [INTAKE, VIP_INTAKE].map((address, at) => {
      const domain = address.slice(address.indexOf('@') + 1)
      return { authority, domain, names: [`mx.${domain}`], host: `127.0.0.${at + 3}` }
    })
    const records = sites.flatMap(({ domain, host }) => [
      [domain, { mx: [[10, `mx.${domain}`]] }] as const,
      [`mx.${domain}`, { a: [host] }] as const,
    ])
    const intakes = await startIntakesOnOnePort(sites)
    const dns = await FakeDns.start(Object.fromEntries<FakeRecords>(records))
    return new Trial(intakes, dns, authority.caPem, install)
  }

  /** Draws a gateway, runs its sessions in a real Haraka, and holds what came of it against the model. */
  async run(seed: number, count: number): Promise<Verdict> {
    const { gateway, sessions } = draw(seed, count)
    const folder = makeTempDir('model')
    const [hop, mute, gone] = await Promise.all([
      MailboxServer.start(),
      MailboxServer.start({ mute: true }),
      MailboxServer.start(),
    ])
    await gone.close()
    const around: Around = {
      hop: hop.port,
      mute: mute.port,
      nobody: gone.port,
      mailboxes: join(folder, 'mailboxes'),
      intakes: this.intakes[0]?.port ?? 0,
      dns: this.dns.address,
      trusted: this.trusted,
      install: this.install,
    }
    writeFileSync(around.mailboxes, '')
    const server = await startGateway(gateway, around)
    try {
      await converse(sessions, server.port)
      const { counted, busy } = await settle(server, hop)
      const own = keptByPlugin(around.mailboxes)
      const arrived = this.intakes.flatMap((intake) => intake.copies.entries)
      const evidence = new Evidence(server.log, (id) => own.get(id) ?? hop.of(id), arrived)
      const misses = evidence.misses.length
      const mails = sessions.flatMap((session) => session.mails)
      const seen = mails.map(({ id }) => evidence.of(id))
      const violations = mails.flatMap((mail, at) =>
        judge(gateway, mail, seen[at]!).map(
          (what) => `${what}\n    ${JSON.stringify(mail)}\n    ${JSON.stringify(seen[at])}`,
        ),
      )
      return {
        gateway,
        mails: mails.length,
        kept: seen.reduce((sum, { mailboxes }) => sum + mailboxes.length, 0),
        copies: seen.reduce((sum, { copies }) => sum + copies.length, 0),
        misses,
        violations: [
          ...(busy.length > 0 ? [`still there: ${busy.join(', ')}`] : []),
          ...(counted === misses ? [] : [`${counted} misses counted, ${misses} logged`]),
          ...violations,
        ],
        log: server.log,
      }
    } finally {
      await server.remove()
      await Promise.all([hop.close(), mute.close()])
      removeTempDir(folder)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.dns, ...this.intakes].map((each) => each.close()))
  }
}

async function converse(sessions: readonly Session[], port: number): Promise<void> {
  const waiting = [...sessions]
  const client = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await runSession(next, port)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, client))
}

/** Waits until nothing is on its way any more: what is all the same, and how many misses are counted. */
async function settle(
  server: HarakaServer,
  mailboxes: MailboxServer,
): Promise<{ busy: string[]; counted: number }> {
  const deadline = Date.now() + SETTLE
  for (;;) {
    const { queue, prepared, messages } = await statusOf(server)
    const busy = [
      ...server.queueFiles(),
      ...(mailboxes.late > 0 ? [`${mailboxes.late} originals`] : []),
      ...(queue.active > 0 ? [`${queue.active} copies`] : []),
      ...(prepared > 0 ? [`${prepared} copies written ahead`] : []),
    ]
    if (busy.length === 0 || Date.now() > deadline) return { busy, counted: messages.journalFailed }
    await sleep(LOOK)
  }
}

async function statusOf({ port }: HarakaServer): Promise<StatusReply> {
  const client = await SmtpClient.connect({ port })
  const { lines } = await client.command('TDC STATUS')
  await client.quit()
  return JSON.parse(lines.join('\n')) as StatusReply
}

/** A line that the gateway's own queue plugin wrote: whom it was asked for, and whom it delivered to. */
interface Own {
  readonly id: string
  readonly result: PluginEnd['result']
  readonly asked: readonly string[]
  readonly kept: readonly string[]
}

/** Of a plugin that had the message, or may have it yet, nobody but itself knows what it did. */
function keptByPlugin(file: string): Map<string, Kept> {
  const all = new Map<string, Kept>()
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { id, result, asked, kept } = JSON.parse(line) as Own
    const lower = (addresses: readonly string[]) => addresses.map((each) => each.toLowerCase())
    const { mailboxes, unanswered } = all.get(id) ?? { mailboxes: [], unanswered: [] }
    const isCertain = kept.length === 0 && result !== 'OK' && result !== 'hang'
    all.set(id, {
      mailboxes: [...mailboxes, ...lower(kept)],
      unanswered: [...unanswered, ...(isCertain ? [] : lower(asked))],
    })
  }
  return all
}
