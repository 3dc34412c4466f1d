import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from '../support/certificates'
import { FakeDns } from '../support/fake-dns'
import { gateway } from '../support/gateway'
import { type HarakaOptions, type HarakaServer, startHaraka } from '../support/haraka'
import { LineProxy } from '../support/line-proxy'
import { Courier, type Load, type Trip } from './courier'
import { ALL_KEYWORDS, type Sink, startSink } from './sink'

const SETTLED = 60_000

export interface LabGatewayOptions {
  /** Whether the gateway has the plugin: the one thing in which two gateways differ. */
  readonly tdc: boolean
  /** Sections of tdc.ini besides [main] and the policies. */
  readonly sections?: Readonly<Record<string, readonly string[]>>
  readonly localPlugins?: Readonly<Record<string, string>>
  readonly config?: Readonly<Record<string, string>>
  /** In place of this repository's build. */
  readonly install?: (serverDir: string) => Promise<void>
}

/**
 * What is around the gateways of a case, each in a process of its own: a courier that brings mail,
 * the mailbox server that originals go on to, and the intake, which offers all that there is.
 */
export class Lab {
  private readonly gateways: HarakaServer[] = []
  private copied = 0

  private constructor(
    readonly courier: Courier,
    readonly mailbox: Sink,
    readonly intake: Sink,
    private readonly dns: FakeDns,
    private readonly trusted: string,
  ) {}

  static async start(): Promise<Lab> {
    const authority = await createAuthority()
    const tls = await authority.issue({ names: ['mx.scan.example'] })
    const dns = await FakeDns.start({
      'scan.example': { mx: [[10, 'mx.scan.example']] },
      'mx.scan.example': { a: ['127.0.0.1'] },
    })
    const [mailbox, intake] = await Promise.all([
      startSink({ keywords: ALL_KEYWORDS }),
      startSink({ keywords: ALL_KEYWORDS, tls }),
    ])
    return new Lab(new Courier(), mailbox, intake, dns, authority.caPem)
  }

  /** A lab for one piece of work, whatever comes of it. */
  static async for<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
    const lab = await Lab.start()
    try {
      return await work(lab)
    } finally {
      await lab.close()
    }
  }

  /** The same, with a line before the intake that can be cut. */
  static behindLine<T>(work: (lab: Lab, line: LineProxy) => Promise<T>): Promise<T> {
    return Lab.for(async (lab) => {
      const line = await LineProxy.before({ host: '127.0.0.1', port: lab.intake.port })
      try {
        return await work(lab, line)
      } finally {
        await line.close()
      }
    })
  }

  /** The default Haraka: recipients of its own domains, forwarded to the mailbox server. */
  async gateway(options: LabGatewayOptions): Promise<HarakaServer> {
    const { tdc, localPlugins = {}, config = {} } = options
    const sections = { delivery: [`port=${this.intake.port}`], ...options.sections }
    const usual = gateway({
      mailbox: { host: '127.0.0.1', port: this.mailbox.port },
      dns: this.dns.address,
      trusted: this.trusted,
      domains: ['example.com'],
      tdc: tdcIni(sections),
      config,
    })
    const plugins = [
      ...Object.keys(localPlugins),
      'rcpt_to.in_host_list',
      ...(tdc ? ['tdc'] : []),
      'queue/smtp_forward',
    ]
    const install = options.install && { install: options.install }
    const all: HarakaOptions = { ...usual, plugins, localPlugins, ...install }
    const server = await startHaraka(all)
    this.gateways.push(server)
    return server
  }

  /** Brings mail to a gateway; with the plugin, `drained` waits for the copies. */
  async bring(load: Load): Promise<Trip> {
    return this.courier.bring(load)
  }

  /** Waits until every copy of so many messages was delivered and nothing is left in the queue. */
  async drained(server: HarakaServer, copies: number): Promise<void> {
    this.copied += copies
    await this.intake.until(this.copied)
    // Older builds have other notes in the folder of their own.
    const isWaiting = () => server.queueFiles().some((name) => name !== 'error.tdc')
    for (const start = Date.now(); isWaiting(); await sleep(5)) {
      if (Date.now() - start > SETTLED) throw new Error(`the queue is not empty\n${server.tail()}`)
    }
  }

  async remove(server: HarakaServer): Promise<void> {
    this.gateways.splice(this.gateways.indexOf(server), 1)
    await server.remove()
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map((server) => server.remove()))
    const { courier, mailbox, intake, dns } = this
    await Promise.all([courier.end(), mailbox.close(), intake.close(), dns.close()])
  }
}

function tdcIni(sections: Readonly<Record<string, readonly string[]>>): string {
  const main = ['enabled=true', 'intake_address=intake@scan.example']
  const all = {
    ...sections,
    main: [...main, ...(sections['main'] ?? [])],
    'policy.DEFAULT': ['intake=default'],
  }
  return Object.entries(all)
    .map(([name, lines]) => [`[${name}]`, ...lines, ''].join('\n'))
    .join('\n')
}
