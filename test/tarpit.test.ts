import assert from 'node:assert/strict'
import type { HarakaServer } from './support/haraka'
import { policiesFor } from './support/named-intakes'
import { sendMail, SmtpClient } from './support/smtp-client'
import { type Site, Stage } from './support/stage'

const MAX_CONNECTIONS = 4
const COPIES = 12
const MAILS = 20

/** Intakes that keep whoever talks to them, by the name in their domain. */
const TARPITS: Readonly<Record<string, Site>> = {
  greeting: { script: [{ on: 'CONNECT', then: 'stall' }] },
  half: { script: [{ on: 'CONNECT', raw: '220-', then: 'stall' }] },
  handshake: { script: [{ on: 'HANDSHAKE', then: 'stall' }] },
  sender: { script: [{ on: 'MAIL', then: 'stall' }] },
  content: { script: [{ on: 'CONTENT', then: 'deaf' }] },
  final: { script: [{ on: 'BODY', then: 'stall' }] },
  dripping: { script: [{ on: 'EHLO', raw: '250-x\r\n'.repeat(60), split: true, then: 'stall' }] },
}
const NAMES = Object.keys(TARPITS)

/** Haraka's own outbound has one slot; its mail goes to the mailbox server. */
const outboundTo = (port: number) => `
exports.hook_ehlo = function (next, connection, name) {
  if (name === 'relay.client') connection.relaying = true
  next()
}
exports.hook_get_mx = (next, item, domain) =>
  domain === 'elsewhere.example'
    ? next(OK, [{ priority: 0, exchange: '127.0.0.1', port: ${port} }])
    : next()`

describe('intakes that are tarpits', function () {
  this.timeout(60_000)
  let stage: Stage
  let server: HarakaServer

  before(async () => {
    const sites = NAMES.map((name) => [`${name}.example`, TARPITS[name] ?? {}] as const)
    stage = await Stage.start(Object.fromEntries(sites))
    const { host, port } = stage.mailbox
    server = await stage.gateway({
      domains: ['example.com', ...NAMES.map((name) => `${name}.test`)],
      scanners: { outbound_to: outboundTo(port) },
      config: {
        'smtp_forward.ini': `host=${host}\nport=${port}\nenable_outbound=false\n`,
        'outbound.ini': 'concurrency_max=1\n',
      },
      tdc: settings(stage.port),
    })
    const to = NAMES.map((name) => `bob@${name}.test`)
    for (let at = 0; at < COPIES; at++) {
      assert.equal((await sendMail(server, mail(to))).code, 250)
    }
    for (const name of NAMES)
      await stage.intake(`${name}.example`).until('CONNECT', MAX_CONNECTIONS)
  })
  after(() => stage.close())

  it('do not keep mail from coming in, nor their copies from being queued', async () => {
    const before = stage.mailbox.messages.size
    for (let at = 0; at < MAILS; at++) {
      assert.equal(
        (await sendMail(server, mail([`bob@${NAMES[at % NAMES.length]}.test`]))).code,
        250,
      )
    }
    assert.equal(stage.mailbox.messages.size, before + MAILS)
  })

  it("do not keep Haraka's own outbound from going out, though it has one slot", async () => {
    const client = await SmtpClient.connect({ port: server.port, helo: 'relay.client' })
    for (let at = 0; at < MAILS; at++) await client.send(mail(['ann@elsewhere.example']))
    await client.quit()
    const out = () =>
      stage.mailbox.messages.entries.filter(({ to }) => to.includes('ann@elsewhere.example')).length
    await stage.mailbox.messages.until(
      () => out() === MAILS,
      10_000,
      () => `${out()} of ${MAILS} went out\n${server.tail()}`,
    )
  })

  it('have no more connections each than are allowed, and still hold them', () => {
    for (const name of NAMES) {
      assert.equal(stage.intake(`${name}.example`).open, MAX_CONNECTIONS, name)
    }
    assert.ok(!server.log.some((line) => / delivered for scanning /.test(line)))
  })
})

function mail(to: readonly string[]) {
  return { from: 'alice@sender.example', to, raw: Buffer.from('Subject: x\r\n\r\nx\r\n') }
}

function settings(port: number): string {
  return `${policiesFor(NAMES)}
[main]
enabled=true
[delivery]
port=${port}
min_connections=${MAX_CONNECTIONS}
max_connections=${MAX_CONNECTIONS}
`
}
