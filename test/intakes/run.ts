import { setTimeout as sleep } from 'node:timers/promises'
import type { Authority, KeyAndCertificate } from '../support/certificates'
import { comesTrue } from '../support/comes-true'
import { FakeDns, type FakeZone } from '../support/fake-dns'
import { gateway } from '../support/gateway'
import { type HarakaServer, startHaraka } from '../support/haraka'
import { type Mailbox, startMailbox } from '../support/mailbox'
import { SmtpClient } from '../support/smtp-client'
import { sessionMakerFor } from '../bench/pool-sending'
import type { Front } from './front'
import { type Kind, mails, numberIn, type NumberedMail } from './mails'
import { INTAKE, lines, makePlace, type Place, storedIn } from './place'
import type { IntakeKind, IntakeServer } from './servers'

/** What is around all gateways and intakes. */
export interface Surroundings {
  readonly certificate: KeyAndCertificate
  readonly ca: string
  readonly mailbox: Mailbox
  readonly dns: FakeDns
}

/** What became of the mails at one intake. */
export interface Row {
  /** PIPELINING and CHUNKING, as a connection of the connector finds them. */
  readonly offered: string
  /** The extensions of those offered that its copies go with. */
  readonly used: string
  /** Copies on their way over one connection. */
  readonly window: number
  readonly copies: number
  readonly delivered: number
  readonly lost: readonly NumberedMail[]
  readonly refused: readonly NumberedMail[]
  /** Those that the server took, by its own log, and has lost itself. */
  readonly dropped: readonly NumberedMail[]
  readonly twice: readonly NumberedMail[]
  /** Attempts that were deferred. */
  readonly retried: number
  /** TCP connections to the intake. */
  readonly connections: number
  /** Copies that are stored with the original as it came. */
  readonly identical: number
  readonly changed: readonly Kind[]
  /** From the release of the backlog to the last copy. */
  readonly seconds: number
  readonly log: readonly string[]
}

export interface RunOptions {
  readonly count: number
  /** Lines for [delivery] of tdc.ini. */
  readonly delivery?: readonly string[]
  /** What stands before the server, and where. */
  readonly before?: (port: number) => Promise<Front>
  /** Of the intake domain, if not the usual one. */
  readonly zone?: FakeZone
  /** What happens to the server while the copies are delivered. */
  readonly meanwhile?: (server: Exclude<IntakeServer, string>, place: Place) => Promise<void>
}

const CLIENTS = 4
/** Milliseconds that a server may take to store what it took, also when it had trouble. */
const SETTLED = 60_000
/** A copy lives 120 s. */
const DEADLINE = 150_000

/** Mails through a gateway of their own to one intake, held first and released as one backlog. */
export async function runIntake(
  name: string,
  kind: Pick<IntakeKind, 'start' | 'refuses'>,
  around: Surroundings,
  options: RunOptions,
): Promise<Row | string> {
  const place = await makePlace(name, around.certificate, around.ca)
  const server = await kind.start(place)
  if (typeof server === 'string') return server
  const looked = await look(place.port, around.ca)
  const before = await options.before?.(place.port)
  const dns = options.zone ? await FakeDns.start(options.zone) : undefined
  const port = before?.port ?? place.port
  const haraka = await startGateway(
    { ...around, ...(dns && { dns }) },
    port,
    options.delivery ?? [],
  )
  try {
    await haraka.tdc('hold')
    const all = mails(options.count)
    const ids = await bring(haraka.port, all)
    const start = performance.now()
    await haraka.tdc('release')
    await Promise.all([options.meanwhile?.(server, place), drained(haraka)])
    const seconds = (performance.now() - start) / 1000
    await comesTrue(server.isSettled ?? (() => true), SETTLED)
    const row = judged(all, around, place, kind.refuses ?? [], [...haraka.log])
    const hasTaken = ({ number }: NumberedMail): boolean =>
      server.hasTaken?.(`${ids.get(number)}.tdc1@`) ?? false
    const [dropped, lost] = [row.lost.filter(hasTaken), row.lost.filter((mail) => !hasTaken(mail))]
    return { ...row, ...looked, dropped, lost, seconds }
  } finally {
    await haraka.remove()
    before?.close()
    await dns?.close()
    await server.daemon.stop()
  }
}

/** What one connection of the connector finds. */
async function look(port: number, ca: string): Promise<Pick<Row, 'offered' | 'used' | 'window'>> {
  const target = { host: '127.0.0.1', port, ca, connections: 1, messagesPerConnection: 1 }
  const opened = await sessionMakerFor(target)(new AbortController().signal)
  if (opened.kind === 'failed') throw new Error(`no session: ${JSON.stringify(opened.failure)}`)
  const { offers, window } = opened.session
  opened.session.quit()
  const offered = ['PIPELINING', 'CHUNKING'].filter((keyword) => offers.includes(keyword))
  return { offered: offered.join(' '), used: offers.map(short).join(' '), window }
}

/** `PIPELINING` is P, `SIZE 52428800` is SIZE. */
function short(extension: string): string {
  const [keyword = ''] = extension.split(' ')
  return SHORT[keyword] ?? keyword
}

const SHORT: Readonly<Record<string, string>> = {
  PIPELINING: 'P',
  CHUNKING: 'C',
  '8BITMIME': '8',
  SMTPUTF8: 'UTF8',
}

function startGateway(
  { mailbox, dns, ca }: Surroundings,
  port: number,
  delivery: readonly string[],
): Promise<HarakaServer> {
  return startHaraka(
    gateway({
      mailbox,
      dns: dns.address,
      trusted: ca,
      domains: ['example.com'],
      // By itself Haraka breaks lines of more than 992 octets.
      config: { 'connection.ini': '[max]\nbytes=62914560\ndata_line_length=100000\n' },
      tdc: `[main]
enabled=true
intake_address=${INTAKE.user}@${INTAKE.domain}
[policy.DEFAULT]
intake=default
[delivery]
port=${port}
${delivery.join('\n')}`,
    }),
  )
}

export async function surroundings(authority: Authority): Promise<Surroundings> {
  const dns = await FakeDns.start({
    [INTAKE.domain]: { mx: [[10, INTAKE.host]] },
    [INTAKE.host]: { a: ['127.0.0.1'] },
  })
  const certificate = await authority.issue({ names: [INTAKE.host], ips: ['127.0.0.1'] })
  return { certificate, ca: authority.caPem, mailbox: await startMailbox(), dns }
}

/** The transaction of each, after which Haraka and the copy's Message-ID are named. */
async function bring(
  port: number,
  all: readonly NumberedMail[],
): Promise<ReadonlyMap<number, string>> {
  const ids = new Map<number, string>()
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const smtp = await SmtpClient.connect({ port })
    for (const mail of all.filter(({ number }) => number % CLIENTS === client)) {
      const { code, lines } = await smtp.send(mail)
      const said = lines.join(' ')
      if (code !== 250) throw new Error(`mail ${mail.number}: ${code} ${said}`)
      const [, id = ''] = /\(([^)]+)\)/.exec(said) ?? []
      ids.set(mail.number, id)
    }
    await smtp.quit()
  })
  await Promise.all(clients)
  return ids
}

/** Until no copy waits any more, or has lived too long. */
async function drained(haraka: HarakaServer): Promise<void> {
  const end = Date.now() + DEADLINE
  while (waiting(haraka) > 0 && Date.now() < end) await sleep(20)
}

/** Haraka leaves alone what begins so: there are the connector's own notes. */
const OWN = /^error\./

function waiting(haraka: HarakaServer): number {
  return haraka.queueFiles().filter((name) => !OWN.test(name)).length
}

function judged(
  all: readonly NumberedMail[],
  { mailbox }: Surroundings,
  place: Place,
  refuses: readonly Kind[],
  log: readonly string[],
): Omit<Row, 'offered' | 'used' | 'window' | 'dropped' | 'seconds'> {
  const stored = new Map<number, string[]>()
  for (const copy of storedIn(place)) {
    const number = numberIn(copy) ?? -1
    stored.set(number, [...(stored.get(number) ?? []), copy])
  }
  const missing = all.filter(({ number }) => !stored.has(number))
  const isIdentical = ({ number, to }: NumberedMail): boolean => {
    const original = mailbox.messages.entries.findLast((each) => each.to[0] === to[0])
    const copies = stored.get(number) ?? []
    return original !== undefined && copies.every((copy) => copy.includes(asStored(original.raw)))
  }
  const there = all.filter(({ number }) => stored.has(number))
  const identical = there.filter(isIdentical)
  const count = (pattern: RegExp): number => log.filter((line) => pattern.test(line)).length
  return {
    copies: all.length,
    delivered: there.length,
    lost: missing.filter((mail) => !refuses.includes(mail.kind)),
    refused: missing.filter((mail) => refuses.includes(mail.kind)),
    twice: there.filter(({ number }) => (stored.get(number) ?? []).length > 1),
    retried: count(/TDC: .* deferred/),
    connections: count(/TDC: New SMTP DCID/),
    identical: identical.length,
    changed: [...new Set(there.filter((mail) => !isIdentical(mail)).map((mail) => mail.kind))],
    log,
  }
}

/** A file has no more at its end than one line end. */
function asStored(raw: Buffer): string {
  return lines(raw).replace(/\n+$/, '')
}
