import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority } from '../support/certificates'
import { FakeDns } from '../support/fake-dns'
import { gateway } from '../support/gateway'
import { type HarakaServer, startHaraka } from '../support/haraka'
import { type Intake, startIntakesOnOnePort } from '../support/intake'
import { type Mailbox, startMailbox } from '../support/mailbox'
import { makeTempDir } from '../support/temp-dir'
import { domains, type IntakeName, policies } from './mails'

/** Everything that the demo runs, all of it on loopback. */
export interface World {
  readonly gateway: HarakaServer
  readonly mailbox: Mailbox
  readonly intakes: Readonly<Record<IntakeName, Intake>>
  /** How many messages the scanner has put into quarantine. */
  quarantined(): number
  stop(): Promise<void>
}

/** Where copies go: an address, the MX that DNS names for it, and that MX's loopback address. */
export const sites: Readonly<
  Record<IntakeName, { readonly address: string; readonly mx: string; readonly ip: string }>
> = {
  A: { address: 'journal@scan-a.example', mx: 'mx.scan-a.example', ip: '127.0.0.2' },
  B: { address: 'journal@scan-b.example', mx: 'mx.scan-b.example', ip: '127.0.0.3' },
}

export async function startWorld(): Promise<World> {
  const authority = await createAuthority()
  const [A, B] = await startIntakesOnOnePort(
    [sites.A, sites.B].map(({ mx, ip }) => ({ authority, names: [mx], host: ip })),
  )
  if (A === undefined || B === undefined) throw new Error('an intake did not start')
  const mailbox = await startMailbox()
  const dns = await FakeDns.start(
    Object.fromEntries(
      Object.values(sites).flatMap(({ address, mx, ip }) => [
        [address.slice(address.indexOf('@') + 1), { mx: [[10, mx]] }],
        [mx, { a: [ip] }],
      ]),
    ),
  )
  const quarantine = makeTempDir('quarantine')
  const server = await startHaraka(
    gateway({
      mailbox,
      dns: dns.address,
      trusted: authority.caPem,
      domains,
      scanners: { 'demo.scanner': readFileSync(join(__dirname, 'scanner.js'), 'utf8') },
      config: { 'quarantine.ini': `[main]\nquarantine_path=${quarantine}\n` },
      tdc: [
        '[main]',
        'enabled=true',
        `intake_address=${sites.A.address}`,
        policies,
        '[delivery]',
        `port=${A.port}`,
      ].join('\n'),
    }),
  )
  return {
    gateway: server,
    mailbox,
    intakes: { A, B },
    quarantined: () => filesBelow(join(quarantine, 'demo')),
    async stop() {
      await server.remove()
      await Promise.all([mailbox.close(), A.close(), B.close(), dns.close()])
    },
  }
}

function filesBelow(dir: string): number {
  if (!existsSync(dir)) return 0
  return readdirSync(dir, { withFileTypes: true, recursive: true }).filter((entry) =>
    entry.isFile(),
  ).length
}
