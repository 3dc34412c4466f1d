import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BlackHole, startBlackHole } from './black-hole'
import { type Authority, createAuthority } from './certificates'
import { FakeDns, type FakeRecords, type FakeZone } from './fake-dns'
import { FaultServer, type FaultServerOptions } from './fault-server'
import { gateway, type GatewayOptions } from './gateway'
import { HarakaServer, makeServerDir } from './haraka'
import { type Mailbox, startMailbox } from './mailbox'
import { makeTempDir } from './temp-dir'

/** How an intake differs from an honest one; a `black-hole` takes no connection at all. */
export type Site = Partial<FaultServerOptions> | 'black-hole'

export interface StageGatewayOptions extends Omit<GatewayOptions, 'mailbox' | 'dns' | 'trusted'> {
  readonly nodes?: number
  /** Puts the plugin into the server directory in place of `unpackInto`. */
  readonly install?: (serverDir: string) => Promise<void>
  /** Files of config/ that are taken away before the start. */
  readonly without?: readonly string[]
  /** Other users of the system may look into the server directory. */
  readonly open?: boolean
  /** Folders in config/, where files should be. */
  readonly folders?: readonly string[]
}

/**
 * Everything around gateways: the mailbox server that originals go on to, a DNS, and intakes. The
 * intake domain `x.example` has the MX `mx.x.example`, on a loopback address of its own, and all
 * of them listen on one port, as `[delivery] port` wants it.
 */
export class Stage {
  private readonly gateways: HarakaServer[] = []

  private constructor(
    readonly authority: Authority,
    readonly mailbox: Mailbox,
    readonly port: number,
    private readonly dns: FakeDns,
    private readonly listeners: Readonly<Record<string, FaultServer | BlackHole>>,
  ) {}

  /**
   * `issuer`: the authority that gateways trust; by default one of the stage's own. `more`: further
   * names that the DNS knows.
   */
  static async start(
    sites: Readonly<Record<string, Site>>,
    issuer?: Authority,
    more: FakeZone = {},
  ): Promise<Stage> {
    const authority = issuer ?? (await createAuthority())
    const domains = Object.keys(sites)
    const listeners = await listen(authority, sites)
    const records = domains.flatMap((domain, at) => [
      [domain, { mx: [[10, `mx.${domain}`]] }] as const,
      [`mx.${domain}`, { a: [addressOf(at)] }] as const,
    ])
    const dns = await FakeDns.start({ ...Object.fromEntries<FakeRecords>(records), ...more })
    const port = Object.values(listeners)[0]?.port ?? 25
    return new Stage(authority, await startMailbox(), port, dns, listeners)
  }

  intake(domain: string): FaultServer {
    const listener = this.listeners[domain]
    if (listener instanceof FaultServer) return listener
    throw new Error(`${domain} has no intake`)
  }

  /** Where the intake listens; undefined for a domain that is not on this stage. */
  address(domain: string): string | undefined {
    const at = Object.keys(this.listeners).indexOf(domain)
    return at < 0 ? undefined : addressOf(at)
  }

  /** Whether connecting to a `black-hole` times out on this system. */
  swallows(domain: string): boolean {
    const listener = this.listeners[domain]
    return listener !== undefined && 'works' in listener && listener.works
  }

  /** Where the DNS answers that knows the intakes. */
  get dnsAddress(): string {
    return this.dns.address
  }

  /** A real Haraka with the packed plugin; it goes with the stage. */
  async gateway(options: StageGatewayOptions): Promise<HarakaServer> {
    const { nodes = 0, without = [], folders = [], open = false, install } = options
    const { mailbox, dns, authority } = this
    // The default is in /var.
    const quarantine = `[main]\nquarantine_path=${makeTempDir('quarantine')}\n`
    const all = {
      nodes,
      ...(install && { install }),
      ...gateway({
        ...options,
        config: { 'quarantine.ini': quarantine, ...options.config },
        mailbox,
        dns: dns.address,
        trusted: authority.caPem,
      }),
    }
    const server = new HarakaServer(await makeServerDir(all), all)
    this.gateways.push(server)
    if (open) chmodSync(server.dir, 0o755)
    for (const name of without) rmSync(join(server.dir, 'config', name))
    for (const name of folders) mkdirSync(join(server.dir, 'config', name))
    await server.start()
    return server
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map((server) => server.remove()))
    const listeners = Object.values(this.listeners)
    await Promise.all([this.mailbox, this.dns, ...listeners].map((each) => each.close()))
  }
}

/** 127.0.0.1 is everybody's; the intakes follow, in their order. */
function addressOf(at: number): string {
  return `127.0.0.${at + 2}`
}

async function listen(
  authority: Authority,
  sites: Readonly<Record<string, Site>>,
): Promise<Record<string, FaultServer | BlackHole>> {
  for (let tries = 1; ; tries++) {
    const listeners: Record<string, FaultServer | BlackHole> = {}
    try {
      for (const [at, [domain, site]] of Object.entries(sites).entries()) {
        const port = Object.values(listeners)[0]?.port ?? 0
        const place = { host: addressOf(at), port }
        const tls = await authority.issue({ names: [`mx.${domain}`] })
        listeners[domain] =
          site === 'black-hole'
            ? await startBlackHole(place)
            : await FaultServer.start({ tls, ...site, ...place })
      }
      return listeners
    } catch (error) {
      await Promise.all(Object.values(listeners).map((each) => each.close()))
      // Somebody has this port on another address: take another one.
      if (tries === 20 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}
