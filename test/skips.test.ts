import assert from 'node:assert/strict'
import { type HarakaServer, logText } from './support/haraka'
import { RESULTS_TELLER, resultsOf } from './support/results-teller'
import { SmtpClient } from './support/smtp-client'
import { Stage } from './support/stage'

const INTAKE = 'journal@scan.example'
const SENDER = 'ann@sender.example'

/** A scanner that does to a message what its X-Do header says, and plugins that let mail pass. */
const MARKER = `
exports.hook_data_post = function (next, connection) {
  const { notes } = connection.transaction
  switch (connection.transaction.header.get('X-Do').trim()) {
    case 'notes.quarantine': notes.quarantine = 'tests'; break
    case 'connection.notes.quarantine': connection.notes.quarantine = 1; break
    case 'quarantine and accept':
      notes.quarantine = 1
      notes.quarantine_action = [OK, 'quarantined']
      break
    case 'wants quarantine': notes.set('queue.wants', 'quarantine'); break
    case 'notes.discard': notes.discard = true; break
    case 'wants discard': notes.set('queue.wants', 'discard'); break
    case 'reject': return next(DENY, 'No')
    case 'accept': return next(OK)
  }
  next()
}
exports.register = function () { this.register_hook('queue', 'take', -100) }
exports.take = (next, connection) =>
  connection.transaction.header.get('X-Do').trim() === 'take' ? next(OK) : next()`

/** Relays by connection for clients that say so in EHLO, by transaction for one domain. */
const RELAY = `
exports.register = function () { this.inherits('auth/auth_base') }
exports.hook_capabilities = function (next, connection) {
  connection.capabilities.push('AUTH PLAIN')
  connection.notes.allowed_auth_methods = ['PLAIN']
  next()
}
exports.check_plain_passwd = (connection, user, password, done) => done(password === 'secret')
exports.hook_ehlo = function (next, connection, name) {
  if (name === 'relay.client') connection.relaying = true
  next()
}
exports.hook_rcpt = function (next, connection, [recipient]) {
  if (recipient.host === 'inside.example') connection.relaying = true
  if (recipient.host === 'inside.example' || recipient.host === 'scan.example') return next(OK)
  next()
}`

interface Case {
  readonly title: string
  readonly to: readonly string[]
  /** What the scanner is told to do. */
  readonly does?: string
  /** Further header lines. */
  readonly header?: string
  readonly client?: 'relay client' | 'authenticated'
  /** `transaction.results.get('tdc').skip` */
  readonly skip: readonly string[]
  /** What the log says, for each skip. */
  readonly says: readonly string[]
  /** The recipients that the copy names; none: there is no copy. */
  readonly copyFor: readonly string[]
}

const BOB = 'bob@example.com'
const EVE = 'eve@private.example'
const INNER = 'ian@inside.example'

const skipped = (token: string, says: string) => ({
  skip: [token],
  says: [`for 1 recipient: ${says}`],
  copyFor: [],
})
const copied = (...copyFor: string[]) => ({ skip: [], says: [], copyFor })
const QUARANTINED = skipped('quarantined', 'quarantined')
const OUTGOING = skipped('outgoing', 'outgoing mail')
const TO_INTAKE = 'addressed to a message intake address'

const CASES: readonly Case[] = [
  { title: 'incoming mail', to: [BOB], ...copied(BOB) },
  {
    title: 'outgoing mail of a relay client',
    client: 'relay client',
    to: ['x@elsewhere.example'],
    ...OUTGOING,
  },
  {
    title: 'outgoing mail of an authenticated client',
    client: 'authenticated',
    to: ['x@elsewhere.example'],
    ...OUTGOING,
  },
  {
    title: 'mail of an authenticated client for a domain of ours',
    client: 'authenticated',
    to: [BOB],
    ...OUTGOING,
  },
  { title: 'mail relayed for an incoming domain', to: [INNER], ...copied(INNER) },
  {
    title: 'mail of a relay client for an incoming domain',
    client: 'relay client',
    to: [INNER],
    ...OUTGOING,
  },
  {
    title: 'mail of an authenticated client for an incoming domain',
    client: 'authenticated',
    to: [INNER],
    ...OUTGOING,
  },
  {
    title: 'mail that a plugin accepts in data_post, so that ours is not asked',
    does: 'accept',
    to: [BOB],
    ...copied(BOB),
  },
  {
    title: 'a quarantine note that core acts on',
    does: 'quarantine and accept',
    to: [BOB],
    ...QUARANTINED,
  },
  { title: 'a quarantine note and no action', does: 'notes.quarantine', to: [BOB], ...copied(BOB) },
  {
    title: 'a quarantine note of the connection, and no action',
    does: 'connection.notes.quarantine',
    to: [BOB],
    ...copied(BOB),
  },
  { title: 'a wish for quarantine: deferred', does: 'wants quarantine', to: [BOB], ...copied() },
  {
    title: 'a discard note that no plugin acts on',
    does: 'notes.discard',
    to: [BOB],
    ...copied(BOB),
  },
  {
    title: 'a wish for discarding, without a plugin that does it: deferred',
    does: 'wants discard',
    to: [BOB],
    ...copied(),
  },
  { title: 'a rejection', does: 'reject', to: [BOB], ...copied() },
  { title: 'a policy that says no', to: [EVE], ...skipped('policy-no', 'policy private says no') },
  {
    title: 'a policy that says no for one of two',
    to: [EVE, BOB],
    ...skipped('policy-no', 'policy private says no'),
    copyFor: [BOB],
  },
  { title: 'mail to the intake', to: [INTAKE], ...skipped('to-intake', TO_INTAKE) },
  {
    title: 'mail to the intake, in another case',
    to: ['JOURNAL@Scan.Example'],
    ...skipped('to-intake', TO_INTAKE),
  },
  {
    title: 'mail to the intake and to others',
    to: [INTAKE, BOB],
    ...skipped('to-intake', TO_INTAKE),
    copyFor: [BOB],
  },
  {
    title: 'mail that has several reasons',
    to: [EVE, INTAKE, 'ada@private.example'],
    skip: ['to-intake', 'policy-no'],
    says: [`for 1 recipient: ${TO_INTAKE}`, 'for 2 recipients: policy private says no'],
    copyFor: [],
  },
  {
    title: 'a forged X-Haraka-TDC',
    header: `X-Haraka-TDC: v=1; id=A.1.tdc1; mac=${'0'.repeat(64)}\r\n`,
    to: [BOB],
    ...copied(BOB),
  },
]

describe('who gets no copy, and why', function () {
  this.timeout(60_000)

  let stage: Stage
  let server: HarakaServer

  before(async () => {
    stage = await Stage.start({ 'scan.example': {} })
    server = await stage.gateway({
      domains: ['example.com', 'private.example'],
      scanners: { marker: MARKER, relay: RELAY, teller: RESULTS_TELLER },
      tdc: `[main]
enabled=true
intake_address=${INTAKE}
incoming_domains=inside.example
[policy.private]
recipients=listed
recipient_list[]=@private.example
[policy.DEFAULT]
intake=default
[delivery]
port=${stage.port}
`,
    })
  })
  after(() => stage.close())

  for (const [at, { title, header = '', does = '', ...the }] of CASES.entries()) {
    it(title, async () => {
      const subject = `case ${at}`
      const raw = `Subject: ${subject}\r\nX-Do: ${does}\r\n${header}\r\nhello\r\n`
      await send(the.client, the.to, Buffer.from(raw))
      assert.deepEqual(await outcome(subject), {
        skip: the.skip,
        says: the.says,
        copyFor: the.copyFor,
      })
    })
  }

  it('mail that a plugin queues before our turn is a counted, logged miss', async () => {
    await send(undefined, [BOB], Buffer.from('Subject: hasty\r\nX-Do: take\r\n\r\nhello\r\n'))
    const { uuid, skip } = await resultsOf(server, 'hasty')
    assert.deepEqual(skip, ['journal-failed'])
    await server.waitForLine(
      `TDC: Message ${uuid} not copied to the message intake address ${INTAKE}: ` +
        'a plugin queued the original before the copy was written (on_journal_failure=accept)',
    )
  })

  describe('a journal report of this installation', () => {
    let report: Buffer

    before(async () => {
      await send(undefined, [BOB], Buffer.from('Subject: reported\r\n\r\nhello\r\n'))
      report = await copyOf('reported')
    })

    it('is copied when it comes with another subject, or from a sender: its token proves one report', async () => {
      await send(undefined, [BOB], renamed(report, 'came back'))
      assert.deepEqual(await outcome('came back'), copied(BOB))
      await server.waitForLine(/carries the token of a report and is none of ours: no key of ours/)
    })

    it('is copied when its token is changed', async () => {
      const other = renamed(report, 'changed').toString('latin1').replace('.tdc1;', '.tdc2;')
      await send(undefined, [BOB], Buffer.from(other, 'latin1'))
      assert.deepEqual(await outcome('changed'), copied(BOB))
    })

    it('is copied when it comes as an attachment', async () => {
      const head = 'Subject: attached\r\nContent-Type: message/rfc822\r\n\r\n'
      await send(undefined, [BOB], Buffer.concat([Buffer.from(head), report]))
      assert.deepEqual(await outcome('attached'), copied(BOB))
    })
  })

  async function send(client: Case['client'], to: readonly string[], raw: Buffer): Promise<void> {
    const helo = client === 'relay client' ? 'relay.client' : 'some.client'
    const smtp = await SmtpClient.connect({ port: server.port, helo })
    if (client === 'authenticated') {
      const credentials = Buffer.from('\0ann\0secret').toString('base64')
      assert.equal((await smtp.command(`AUTH PLAIN ${credentials}`)).code, 235)
    }
    await smtp.send({ from: SENDER, to, raw })
    await smtp.quit()
  }

  /** What became of the message with this subject, in the terms of a case. */
  async function outcome(subject: string): Promise<Pick<Case, 'skip' | 'says' | 'copyFor'>> {
    const { uuid, skip } = await resultsOf(server, subject)
    const prefix = `TDC: Message ${uuid} from <${SENDER}> not copied `
    const texts = server.log.map(logText)
    const says = texts.filter((text) => text.startsWith(prefix)).map((t) => t.slice(prefix.length))
    const queued = texts.some((text) => text.startsWith(`TDC: MID ${uuid}.tdc1 with Message-ID`))
    const copyFor = queued ? recipientsIn(await copyOf(subject)) : []
    return { skip, says, copyFor }
  }

  /** The one copy of the message with this subject, once it is at the intake. */
  async function copyOf(subject: string): Promise<Buffer> {
    const { uuid } = await resultsOf(server, subject)
    await server.waitForLine(`Message finished MID ${uuid}.tdc1 done`)
    const copies = stage
      .intake('scan.example')
      .messages.filter(({ raw }) => raw.includes(`id=${uuid}.tdc`))
    assert.equal(copies.length, 1)
    return copies[0]?.raw ?? Buffer.alloc(0)
  }
})

/** The report with another subject, so that what becomes of it can be told apart. */
function renamed(report: Buffer, subject: string): Buffer {
  const text = report.toString('latin1')
  return Buffer.from(text.replace(/^Subject: .*\r\n/m, `Subject: ${subject}\r\n`), 'latin1')
}

/** Whom the report names, above the original that is attached. */
function recipientsIn(report: Buffer): string[] {
  const [own = ''] = report.toString('latin1').split('Content-Type: message/rfc822', 1)
  return [...own.matchAll(/^Recipient: (.*)\r$/gm)].map(([, recipient = '']) => recipient)
}
