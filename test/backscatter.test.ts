import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { alteredBuild } from './faults/altered-build'
import { comesTrue } from './support/comes-true'
import { NULL_MX } from './support/fake-dns'
import type { HarakaServer } from './support/haraka'
import { mailAbout, MailPath, type MailPathOptions } from './support/mail-path'
import type { Received } from './support/mailbox'
import { policiesFor } from './support/named-intakes'
import { sendMail, SmtpClient } from './support/smtp-client'
import { type Site, Stage } from './support/stage'

/** Whom a spammer names as the sender; he has sent nothing and should hear nothing. */
const VICTIM = 'victim@victim.example'

const TLS_ERROR = 'TLS Error.'
const HARD = 'Hard Bounced.'

interface Failure {
  /** Undefined: the DNS has the domain, or not, and there is no intake. */
  readonly site?: Site
  readonly ends: string
}

const at = (script: object): Site => ({ script: [script] }) as Site

/** By the name in the intake's domain, `greeting.example`. */
const FAILURES: Readonly<Record<string, Failure>> = {
  greeting: { site: at({ on: 'CONNECT', reply: '554 5.7.1 No' }), ends: HARD },
  sender: { site: at({ on: 'MAIL', reply: '550 5.7.1 No' }), ends: HARD },
  recipient: { site: at({ on: 'RCPT', reply: '550 5.1.1 Unknown' }), ends: HARD },
  message: { site: at({ on: 'BODY', reply: '554 5.6.0 No' }), ends: HARD },
  later: { site: at({ on: 'BODY', reply: '451 4.3.0 Later' }), ends: HARD },
  reset: { site: at({ on: 'CONTENT', then: 'reset' }), ends: HARD },
  garbage: { site: at({ on: 'MAIL', reply: 'what?' }), ends: HARD },
  silent: { site: at({ on: 'MAIL', then: 'stall' }), ends: 'Expired.' },
  stripped: { site: { starttls: false }, ends: TLS_ERROR },
  handshake: { site: at({ on: 'HANDSHAKE', then: 'reset' }), ends: TLS_ERROR },
  nowhere: { ends: HARD },
  nullmx: { ends: HARD },
}

/** Core asks it where to deliver: the victim's mail to the mailbox server, the rest nowhere. */
const whereTo = (port: number) => `
exports.hook_ehlo = function (next, connection, name) {
  if (name === 'relay.client') connection.relaying = true
  next()
}
exports.hook_get_mx = (next, item, domain) => {
  if (domain === 'victim.example')
    return next(OK, [{ priority: 0, exchange: '127.0.0.1', port: ${port} }])
  if (domain === 'bounces.example') return next(DENY, 'nobody there')
  next()
}`

const isDsn = ({ from }: Received) => from === ''

describe('copies that fail bring nobody mail', function () {
  this.timeout(60_000)

  describe('with a forged sender, however they fail', () => {
    let stage: Stage
    let server: HarakaServer

    before(async () => {
      const sites = Object.entries(FAILURES).flatMap(([name, { site }]) =>
        site ? [[`${name}.example`, site] as const] : [],
      )
      const zone = { 'nullmx.example': NULL_MX }
      stage = await Stage.start(Object.fromEntries(sites), undefined, zone)
      const { host, port } = stage.mailbox
      server = await stage.gateway({
        domains: Object.keys(FAILURES).map((name) => `${name}.test`),
        scanners: { where_to: whereTo(port) },
        config: { 'smtp_forward.ini': `host=${host}\nport=${port}\nenable_outbound=false\n` },
        tdc: settings(stage.port),
      })
      for (const name of Object.keys(FAILURES)) {
        const raw = Buffer.from(`Subject: ${name}\r\n\r\nx\r\n`)
        const mail = { from: VICTIM, to: [`bob@${name}.test`], raw }
        assert.equal((await sendMail(server, mail)).code, 250)
      }
    })
    after(() => stage.close())

    for (const [name, { ends }] of Object.entries(FAILURES)) {
      it(`${name}: ${ends}`, async () => {
        const first = await server.waitForLine(`message intake address journal@${name}.example`)
        const mid = /MID (\S+) /.exec(first)?.[1] ?? ''
        const last = await server.waitForLine(`] TDC: Message ${mid} delivery failed `, 20_000)
        assert.ok(last.endsWith(`: ${ends}`), last)
      })
    }

    it('the originals came, and nothing else: no report in the queue nor at the victim', async () => {
      assert.equal(stage.mailbox.messages.size, Object.keys(FAILURES).length)
      assert.deepEqual(stage.mailbox.messages.entries.filter(isDsn), [])
      // The line of the end comes before the file goes.
      await comesTrue(() => server.queueFiles().length === 0, 10_000)
      assert.deepEqual(server.queueFiles(), [])
    })

    it("a report of Haraka's own would have been seen (control)", async () => {
      const client = await SmtpClient.connect({ port: server.port, helo: 'relay.client' })
      const raw = Buffer.from('Subject: bounces\r\n\r\nx\r\n')
      await client.send({ from: VICTIM, to: ['bob@bounces.example'], raw })
      await client.quit()
      const dsn = await stage.mailbox.messages.first(isDsn, 10_000, () => server.tail())
      assert.deepEqual(dsn.to, [VICTIM])
    })
  })

  describe('that wait in the queue of', () => {
    const OPTIONS: MailPathOptions = { delivery: ['retry_delay=60', `envelope_from=${VICTIM}`] }
    let path: MailPath
    let source: HarakaServer

    before(async () => {
      path = await MailPath.start(OPTIONS)
      source = path.haraka
      path.onCopy = () => Promise.resolve('451 4.3.0 Later')
      await path.send(mailAbout('waits', { from: VICTIM }))
      await path.untilQueue((names) => names[0]?.split('_')[2] === '1', 'it was not deferred')
      await source.kill9()
    })
    after(() => path.close())

    const gateways: [what: string, options: MailPathOptions, says: string][] = [
      [
        'a connector whose hook throws',
        {
          install: alteredBuild([
            'tdc.ts',
            'const taken = ',
            "throw new Error('as it happens')\n  const taken = ",
          ]),
        },
        'Plugin responded with: 906. Not sending bounce',
      ],
      [
        'a Haraka without the connector',
        { tdc: false },
        'Double bounce: Mail was already a bounce',
      ],
    ]
    for (const [what, options, says] of gateways) {
      it(`${what}: no report, though the attempts are used up`, async () => {
        const server = await path.makeGateway({
          ...OPTIONS,
          ...options,
          beforeTdc: ['where_to'],
          sources: { where_to: whereTo(path.mailbox.port) },
        })
        try {
          const [name = ''] = source.queueFiles()
          const queue = join(server.dir, 'queue')
          mkdirSync(queue, { recursive: true })
          // As if it were time for the next attempt, and for the one after the last.
          for (const attempts of [1, 99]) {
            const due = name.replace(/^(\d+)_\d+_1_(\d+)_/, `$1_$1_${attempts}_$2_`)
            copyFileSync(join(source.dir, 'queue', name), join(queue, due))
          }
          await server.start()
          await server.waitForLine(says)
          assert.doesNotMatch(await server.command('--qlist'), /domain:victim/)
          assert.deepEqual(path.mailbox.messages.entries.filter(isDsn), [])
        } finally {
          await server.remove()
        }
      })
    }
  })
})

function settings(port: number): string {
  return `${policiesFor(Object.keys(FAILURES))}
[main]
enabled=true
[delivery]
port=${port}
min_connections=1
retry_delay=1
max_age=8
`
}
