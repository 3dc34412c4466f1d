/**
 * `npm run interop`: a real Postfix as message intake. Mails of many kinds go through a real Haraka
 * with the packed plugin; each copy must arrive once, over TLS, with the original byte for byte.
 */
import { createAuthority } from '../support/certificates'
import { FakeDns } from '../support/fake-dns'
import { gateway } from '../support/gateway'
import { complaints, type HarakaServer, startHaraka } from '../support/haraka'
import { type Mailbox, startMailbox } from '../support/mailbox'
import { SmtpClient } from '../support/smtp-client'
import { within } from '../support/within'
import { check, type Findings } from './check'
import { makeMails, type NumberedMail } from './messages'
import { type Postfix, startPostfix, whatIsMissing } from '../support/postfix'

const COUNT = 200
const SEED = 20261120
const CLIENTS = 4
const INTAKE = {
  address: 'journal@intake.example',
  domain: 'intake.example',
  mx: 'mx.intake.example',
}

const WHOLE_DEADLINE = 240_000
const COPIES_DEADLINE = 120_000

/** What a copy that is not delivered at once leaves in the log. */
const TROUBLE = /TDC: .*(failed|deferred|expired|Error)|Bounced:/

interface Line {
  readonly server: HarakaServer
  readonly mailbox: Mailbox
  readonly postfix: Postfix
  /** What Postfix took it sends on to here, where it is seen byte for byte. */
  readonly arrivals: Mailbox
  stop(): Promise<void>
}

async function main(): Promise<boolean> {
  const line = await startLine()
  const mails = makeMails(COUNT, SEED)
  await Promise.all(
    Array.from({ length: CLIENTS }, (_, client) =>
      sendAll(
        line.server.port,
        mails.filter(({ number }) => number % CLIENTS === client),
      ),
    ),
  )
  // What has not arrived by then counts as missing.
  await line.arrivals.messages.atLeast(COUNT, COPIES_DEADLINE, 'copies').catch(() => undefined)
  const { mailbox, arrivals, server } = line
  const found = await check(
    mails,
    mailbox.messages.entries,
    arrivals.messages.entries,
    INTAKE.address,
  )
  const trouble = server.log.filter((text) => TROUBLE.test(text))
  const violations = [...found.violations, ...trouble, ...complaints(server.log)]
  if (violations.length > 0) showTrouble(violations, line)
  await line.stop()
  console.log(summary({ ...found, violations }))
  return found.arrived === COUNT && found.identical === COUNT && violations.length === 0
}

/** A Postfix that takes mail for the intake over TLS, and sends it on as it came. */
function passesOn(next: { readonly host: string; readonly port: number }) {
  return {
    myhostname: INTAKE.mx,
    mynetworks: '',
    relay_domains: INTAKE.domain,
    smtpd_relay_restrictions: 'permit_auth_destination, reject',
    smtpd_tls_security_level: 'encrypt',
    smtpd_tls_mandatory_protocols: '>=TLSv1.2',
    smtpd_tls_received_header: 'yes',
    smtpd_tls_loglevel: '1',
    message_size_limit: '104857600',
    // No look-ups, no conversion, no folding.
    relayhost: `[${next.host}]:${next.port}`,
    smtp_tls_security_level: 'none',
    smtp_line_length_limit: '0',
    disable_mime_output_conversion: 'yes',
  }
}

async function startLine(): Promise<Line> {
  const authority = await createAuthority()
  const mailbox = await startMailbox()
  const arrivals = await startMailbox()
  const postfix = await startPostfix({
    certificate: await authority.issue({ names: [INTAKE.mx] }),
    settings: passesOn(arrivals),
  })
  const dns = await FakeDns.start({
    [INTAKE.domain]: { mx: [[10, INTAKE.mx]] },
    [INTAKE.mx]: { a: [postfix.host] },
  })
  const server = await startHaraka({
    nodes: 2,
    ...gateway({
      mailbox,
      dns: dns.address,
      trusted: authority.caPem,
      domains: ['example.com'],
      // Haraka by itself breaks lines of more than 992 octets.
      config: { 'connection.ini': '[max]\ndata_line_length=2000\n' },
      tdc: `[main]
enabled=true
intake_address=${INTAKE.address}
[policy.DEFAULT]
intake=default
[delivery]
port=${postfix.port}`,
    }),
  })
  const stop = async () => {
    await server.remove()
    await postfix.close()
    await Promise.all([mailbox.close(), arrivals.close(), dns.close()])
  }
  return { server, mailbox, postfix, arrivals, stop }
}

async function sendAll(port: number, mails: readonly NumberedMail[]): Promise<void> {
  const client = await SmtpClient.connect({ port })
  for (const mail of mails) {
    const { code, lines } = await client.send(mail)
    if (code !== 250) throw new Error(`mail ${mail.number} was refused: ${code} ${lines.join(' ')}`)
  }
  await client.quit()
}

function summary({ arrived, identical, violations }: Findings): string {
  const counts = `n=${COUNT} arrived=${arrived} identical=${identical}`
  return `interop postfix: ${counts} violations=${violations.length}`
}

function showTrouble(violations: readonly string[], { server, postfix }: Line): void {
  console.log(violations.slice(0, 20).join('\n'))
  console.log(`--- end of the gateway's log\n${server.tail(30)}`)
  console.log(`--- end of Postfix's log\n${postfix.log().split('\n').slice(-30).join('\n')}`)
}

const missing = whatIsMissing()
if (missing !== undefined) {
  console.log(`interop postfix: not run: ${missing}`)
  process.exit(2)
}
// The exit handlers end what still runs.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
within(WHOLE_DEADLINE, 'the interop run', main()).then(
  (good) => process.exit(good ? 0 : 1),
  (error: unknown) => {
    console.log(error)
    console.log('interop postfix: failed')
    process.exit(1)
  },
)
