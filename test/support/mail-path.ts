import { existsSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { createAuthority } from './certificates'
import { FakeDns } from './fake-dns'
import { gateway, inTheLab } from './gateway'
import { type HarakaOptions, HarakaServer, makeServerDir } from './haraka'
import { type Copy, type Intake, startIntake } from './intake'
import { type Mailbox, type MailboxOptions, type Received, startMailbox } from './mailbox'
import { type Mail, type Reply, SmtpClient } from './smtp-client'
import { within } from './within'

export const INTAKE_ADDRESS = 'journal@scan.example'

/** Plugins of test/support/plugins, by where they stand in config/plugins. */
export interface PluginNames {
  readonly beforeTdc?: readonly string[]
  readonly afterTdc?: readonly string[]
}

export interface MailPathOptions extends PluginNames {
  /** Default true. */
  readonly enabled?: boolean
  /** Lines for [main] of tdc.ini. */
  readonly main?: readonly string[]
  /** Lines for [delivery] of tdc.ini. */
  readonly delivery?: readonly string[]
  /** Lines for [tls] of tdc.ini. */
  readonly tls?: readonly string[]
  /** The names in the intake's certificate; default: the name of the MX host. */
  readonly intakeNames?: readonly string[]
  /** Further sections of tdc.ini. */
  readonly sections?: readonly string[]
  /** Further files for config/; with the mailbox server's address where they need it. */
  readonly config?:
    Readonly<Record<string, string>> | ((mailbox: Mailbox) => Readonly<Record<string, string>>)
  /** Plain-file plugins beside those of test/support/plugins: name -> source. */
  readonly sources?: Readonly<Record<string, string>>
  readonly nodes?: number
  /** Files that node loads before Haraka. */
  readonly preloads?: readonly string[]
  readonly under?: HarakaOptions['under']
  /** Puts the plugin into the server directory in place of `unpackInto`. */
  readonly install?: HarakaOptions['install']
  /** False: Haraka without the connector. */
  readonly tdc?: boolean
}

/** What the connector's `status()` says of itself, as far as tests look at it. */
export interface StatusReply {
  readonly queue: {
    readonly active: number
    readonly delivered: number
    readonly hardBounced: number
  }
  readonly messages: {
    readonly journalFailed: number
    readonly inDoubt: number
    readonly withdrawn: number
    readonly normalized: number
    readonly fellBack: number
    readonly originalsRefused: number
    readonly kept: number
  }
  readonly prepared: number
  readonly held: number
}

/** The straight way of mail: one gateway, the mailbox server behind it, one intake for the copies. */
export class MailPath {
  /** What the mailbox server does with an original; may be replaced at any time. */
  onOriginal: NonNullable<MailboxOptions['verdict']> = () => ({ do: 'accept' })
  /** What the mailbox server does with a recipient, or when the data begin. */
  onRecipient: NonNullable<MailboxOptions['onRecipient']> = () => undefined
  onData: NonNullable<MailboxOptions['onData']> = () => undefined
  /** What the intake does with a copy; may be replaced at any time. */
  onCopy: (copy: Copy) => Promise<string | undefined> = () => Promise.resolve(undefined)
  haraka!: HarakaServer
  mailbox!: Mailbox
  intake!: Intake
  dns!: FakeDns
  private trusted = ''

  static async start(options: MailPathOptions = {}): Promise<MailPath> {
    const path = new MailPath()
    await path.startServers(options)
    path.haraka = await path.makeGateway(options)
    await path.haraka.start()
    return path
  }

  /** A further gateway between the same servers, not started. */
  async makeGateway(options: MailPathOptions): Promise<HarakaServer> {
    const { config = {} } = options
    const usual = gateway({
      mailbox: this.mailbox,
      dns: this.dns.address,
      trusted: this.trusted,
      domains: ['example.com'],
      tdc: this.tdcIni(options),
      config: {
        'tdc.ini': this.wholeTdcIni(options),
        ...(typeof config === 'function' ? config(this.mailbox) : config),
      },
    })
    const { beforeTdc = [], afterTdc = [], sources = {}, nodes = 0, preloads = [] } = options
    const { under, install } = options
    const names = usual.plugins.flatMap((name) =>
      name === 'tdc'
        ? [...beforeTdc, ...(options.tdc === false ? [] : ['tdc']), ...afterTdc]
        : [name],
    )
    const files = [...beforeTdc, ...afterTdc].flatMap((name) => sourceOf(name))
    const all = {
      ...usual,
      nodes,
      plugins: names,
      localPlugins: { ...Object.fromEntries(files), ...sources },
      nodeArgs: [...(usual.nodeArgs ?? []), ...preloads.flatMap((file) => ['-r', file])],
      ...(under && { under }),
      ...(install && { install }),
    }
    return new HarakaServer(await makeServerDir(all), all)
  }

  tdcIni({ enabled = true, main = [], delivery = [], sections = [] }: MailPathOptions): string {
    return [
      '[main]',
      `enabled=${enabled}`,
      `intake_address=${INTAKE_ADDRESS}`,
      ...main,
      '[policy.DEFAULT]',
      'intake=default',
      ...sections,
      '[delivery]',
      `port=${this.intake.port}`,
      ...delivery,
    ].join('\n')
  }

  /** Replaces tdc.ini, which Haraka watches. */
  writeTdcIni(options: MailPathOptions): void {
    this.haraka.writeConfig('tdc.ini', this.wholeTdcIni(options))
  }

  /** The reply to the final dot. */
  async send(mail: Partial<Mail>): Promise<Reply> {
    const client = await SmtpClient.connect(this.haraka)
    const reply = await client.send(mailWith(mail))
    await client.quit()
    return reply
  }

  async status(): Promise<StatusReply> {
    return JSON.parse(await this.ask('TDC STATUS')) as StatusReply
  }

  /** The answer to one SMTP command, which may take so many milliseconds. */
  async ask(command: string, patience = 20_000): Promise<string> {
    const { port } = this.haraka
    const client = await SmtpClient.connect({ port, deadline: patience })
    const { lines } = await client.command(command)
    await client.quit()
    return lines.join('\n')
  }

  original(subject: string): Promise<Received> {
    return this.mailbox.messages.first(
      ({ raw }) => hasSubject(raw, subject),
      10_000,
      () => `no original '${subject}'\n${this.haraka.tail()}`,
    )
  }

  copy(subject: string): Promise<Copy> {
    return this.intake.copies.first(
      ({ raw }) => hasSubject(raw, subject),
      10_000,
      () => `no copy '${subject}'\n${this.haraka.tail()}`,
    )
  }

  originalsOf(subject: string): Received[] {
    return this.mailbox.messages.entries.filter(({ raw }) => hasSubject(raw, subject))
  }

  copiesOf(subject: string): Copy[] {
    return this.intake.copies.entries.filter(({ raw }) => hasSubject(raw, subject))
  }

  /** Resolves when the queue directory satisfies the condition, as seen after each change in it. */
  async untilQueue(holds: (names: readonly string[]) => boolean, what: string): Promise<void> {
    const { haraka } = this
    const dir = join(haraka.dir, 'queue')
    let stop = () => {}
    const reached = new Promise<void>((resolve, reject) => {
      const look = () => holds(haraka.queueFiles()) && resolve()
      const watcher = watch(dir, look).on('error', reject)
      stop = () => watcher.close()
      look()
    })
    const state = () => `${what}: ${haraka.queueFiles().join(' ')}\n${haraka.tail()}`
    await within(10_000, state, reached).finally(stop)
  }

  /** Resolves when so many copies have queue files: what stays in the log gets its own after two seconds. */
  filed(count: number): Promise<void> {
    const filed = (names: readonly string[]) => names.filter((name) => /^\d/.test(name)).length
    return this.untilQueue((names) => filed(names) >= count, `not ${count} files in the queue`)
  }

  /** The connector's status as soon as it has no copy any more, nor Haraka a queue file. */
  async settled(): Promise<StatusReply> {
    await this.untilQueue((names) => names.length === 0, 'the queue directory is not empty')
    const deadline = Date.now() + 10_000
    for (;;) {
      const status = await this.status()
      const { active } = status.queue
      if (active === 0 && status.prepared === 0) return status
      if (Date.now() > deadline)
        throw new Error(`not settled: ${JSON.stringify(status)}\n${this.haraka.tail()}`)
    }
  }

  async close(): Promise<void> {
    await this.haraka?.remove()
    await Promise.all([this.mailbox, this.intake, this.dns].map((server) => server?.close()))
  }

  private wholeTdcIni(options: MailPathOptions): string {
    return [inTheLab(this.tdcIni(options)), ...(options.tls ?? [])].join('\n')
  }

  private async startServers({ intakeNames }: MailPathOptions): Promise<void> {
    const authority = await createAuthority()
    this.trusted = authority.caPem
    this.mailbox = await startMailbox({
      verdict: (original) => this.onOriginal(original),
      onRecipient: (address) => this.onRecipient(address),
      onData: (to) => this.onData(to),
    })
    this.intake = await startIntake({
      authority,
      names: intakeNames ?? ['mx.scan.example'],
      verdict: (copy) => this.onCopy(copy),
    })
    this.dns = await FakeDns.start({
      'scan.example': { mx: [[10, 'mx.scan.example']] },
      'mx.scan.example': { a: ['127.0.0.1'] },
    })
  }
}

/** A mail about `subject`, from and to somebody. */
export function mailAbout(subject: string, more: Partial<Mail> = {}): Mail {
  return mailWith({ raw: Buffer.from(`Subject: ${subject}\r\n\r\nBody.\r\n`), ...more })
}

function mailWith(mail: Partial<Mail>): Mail {
  return {
    from: 'alice@example.net',
    to: ['bob@example.com'],
    raw: Buffer.from('Subject: nothing\r\n\r\nBody.\r\n'),
    ...mail,
  }
}

export function hasSubject(raw: Buffer, subject: string): boolean {
  return raw.includes(`Subject: ${subject}\r\n`)
}

function sourceOf(name: string): [string, string][] {
  const path = join(__dirname, 'plugins', `${name}.js`)
  return existsSync(path) ? [[name, readFileSync(path, 'utf8')]] : []
}
