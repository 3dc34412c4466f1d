import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { State } from '../../plugins/tdc/monitor/health'
import type { StatusView } from '../../plugins/tdc/web/status-view'
import { RedisServer, whatIsMissing } from '../cluster/redis-server'
import { ask } from './http-client'
import { HTTP_INI, httpPort } from './http-client'
import { mailAbout, MailPath, type MailPathOptions } from './mail-path'
import { within } from './within'

/** What an operator may find at 3 a.m., made with real servers. */
export interface Situation {
  readonly reason: string
  readonly state: State
  /** What stands in `haraka-tdc status` besides. */
  readonly says?: RegExp
  /** tdc.ini of another start; undefined: the server goes on as it is. */
  readonly settings?: (ini: string) => string
  /** What is missing here for it, in one sentence; undefined: nothing. */
  readonly missing?: () => string | undefined
  make(night: Night): Promise<unknown>
  /** Back to where it was. */
  end?(night: Night): Promise<unknown>
}

/** One server, and what happens to it, in this order: what was lost stays in sight for five minutes. */
export interface Plan {
  readonly title: string
  readonly options: MailPathOptions
  readonly situations: readonly Situation[]
}

const send = ({ path }: Night, subject: string) => path.send(mailAbout(subject))
const refuse = ({ path }: Night) => (path.onCopy = () => Promise.resolve('550 5.7.1 no'))
const take = ({ path }: Night) => (path.onCopy = () => Promise.resolve(undefined))
const asItIs = () => Promise.resolve()

const queueOf = ({ path }: Night, ...names: readonly string[]) =>
  join(path.haraka.dir, 'queue', ...names)

let goOn = () => {}

/** Copies of this server live so long that an intake that says nothing is slow before they end. */
const LIFE = 6

const ONE_PROCESS: Plan = {
  title: 'one process',
  options: {
    delivery: [`max_age=${LIFE}`, 'retry_delay=1'],
    sections: ['[failed]', 'keep=true', 'keep_number=1', '[queue]', 'min_free_space=0'],
    beforeTdc: ['clock'],
    preloads: [join(__dirname, 'clock-preload.js')],
  },
  situations: [
    { reason: '', state: 'ok', make: asItIs },
    {
      ...{ reason: 'held', state: 'warning' },
      make: (night) => night.path.haraka.tdc('hold'),
      end: (night) => night.path.haraka.tdc('release'),
    },
    {
      ...{ reason: 'refusing', state: 'failing' },
      async make(night) {
        refuse(night)
        await send(night, 'refused')
      },
    },
    {
      ...{ reason: 'kept-full', state: 'failing' },
      make: (night) => send(night, 'refused, and one is kept'),
    },
    {
      ...{ reason: 'losing', state: 'failing' },
      async make(night) {
        take(night)
        await send(night, 'taken')
      },
    },
    {
      ...{ reason: 'not-kept', state: 'failing' },
      async make(night) {
        refuse(night)
        const folder = queueOf(night, 'error.tdc', 'kept')
        rmSync(folder, { recursive: true })
        writeFileSync(folder, 'a file in its place')
        await send(night, 'refused, and cannot be kept')
      },
      end: (night) => Promise.resolve(rmSync(queueOf(night, 'error.tdc', 'kept'))),
    },
    {
      ...{ reason: 'slow', state: 'failing' },
      async make(night) {
        const silent = new Promise<undefined>((resolve) => (goOn = () => resolve(undefined)))
        night.path.onCopy = () => silent
        await send(night, 'waits')
      },
      async end(night) {
        goOn()
        take(night)
        await sleep(200)
      },
    },
    {
      ...{ reason: 'disk-low', state: 'failing' },
      settings: (ini) => ini.replace('min_free_space=0', 'min_free_space=900000G'),
      make: asItIs,
    },
    {
      ...{ reason: 'missed', state: 'failing' },
      make: (night) => send(night, 'not written'),
    },
    {
      ...{ reason: 'queue-unwritable', state: 'failing' },
      make: (night) => Promise.resolve(renameSync(queueOf(night), queueOf(night, '..', 'away'))),
      end: (night) => Promise.resolve(renameSync(queueOf(night, '..', 'away'), queueOf(night))),
    },
    {
      ...{ reason: 'unreachable', state: 'failing' },
      settings: (ini) => ini.replace(/^\[delivery\]$/m, '$&\nroute=127.0.0.1:1'),
      make: (night) => send(night, 'cannot be sent'),
    },
    {
      ...{ reason: 'disabled', state: 'warning' },
      settings: (ini) => ini.replace('enabled=true', 'enabled=false'),
      make: asItIs,
    },
    {
      ...{ reason: 'clock-jumped', state: 'warning' },
      says: /clock-jumped: set back by 7200 s to /,
      make: ({ path }) => path.ask('CLOCK -7200000'),
      end: ({ path }) => path.ask('CLOCK 0'),
    },
    {
      ...{ reason: 'settings-refused', state: 'warning' },
      says: /settings-refused: .*enabled=maybe/,
      make: ({ path }) =>
        Promise.resolve(path.haraka.writeConfig('tdc.ini', '[main]\nenabled=maybe\n')),
    },
  ],
}

const DAY = 86_400_000
const NAMES = ['mx.scan.example']

const TWO_WORKERS: Plan = {
  title: 'two workers, and a Redis where there is one',
  options: { nodes: 2, intakeNames: ['other.example'], delivery: ['retry_delay=1'] },
  situations: [
    {
      ...{ reason: 'tls', state: 'failing' },
      says: /^ *TLS failures +certificate-host-mismatch \(\d+\), certificate-expired \(\d+\)$/m,
      async make(night) {
        const { intake } = night.path
        await send(night, 'to another name')
        await night.path.haraka.waitForLine('certificate-host-mismatch')
        await intake.show({ names: NAMES, notAfter: new Date(Date.now() - 60_000) })
        await send(night, 'to one that has ended')
        await night.path.haraka.waitForLine('certificate-expired')
      },
      end: ({ path }) =>
        path.intake.show({ names: NAMES, notAfter: new Date(Date.now() + 4.5 * DAY) }),
    },
    {
      ...{ reason: 'certificate-ends', state: 'warning' },
      says: /certificate-ends: in 4 days$/m,
      settings: (ini) => ini,
      make: (night) => send(night, 'to one that ends soon'),
    },
    {
      ...{ reason: 'redis-away', state: 'warning' },
      missing: whatIsMissing,
      says: /redis-away: what machines share: Redis cannot be reached: /,
      make: ({ redis }) => redis?.kill9() ?? asItIs(),
      end: ({ redis }) => redis?.start() ?? asItIs(),
    },
    {
      ...{ reason: 'worker-silent', state: 'warning' },
      says: /worker-silent: worker 1 \(pid \d+\) did not answer, figures are missing$/m,
      async make(night) {
        const { processes } = await night.view()
        night.stopped = processes.find(({ worker }) => worker === 1)?.pid ?? 0
        process.kill(night.stopped, 'SIGSTOP')
      },
      end: ({ stopped }) => Promise.resolve(process.kill(stopped, 'SIGCONT')),
    },
  ],
}

export const PLANS: readonly Plan[] = [ONE_PROCESS, TWO_WORKERS]

/** A connection that is handed to a process which does not run has no reply. */
const PATIENCE = 4_000

/** A real Haraka that serves the page, and goes from one situation to the next. */
export class Night {
  /** The process that does not run. */
  stopped = 0

  private constructor(
    readonly path: MailPath,
    readonly redis: RedisServer | undefined,
    private readonly ini: string,
    private port: number,
  ) {}

  static async begin({ options }: Plan): Promise<Night> {
    const redis =
      options.nodes && whatIsMissing() === undefined ? await RedisServer.start() : undefined
    const shared = redis ? ['[cluster]', 'redis=true', 'machine=mx1'] : []
    const path = await MailPath.start({
      ...options,
      sections: ['[status_page]', 'enabled=true', ...(options.sections ?? []), ...shared],
      config: { 'http.ini': HTTP_INI, ...(redis && { 'redis.ini': redis.ini }) },
    })
    return new Night(path, redis, path.haraka.config('tdc.ini'), await httpPort(path.haraka))
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Until the page's data have it; what they are then. */
  async become({ settings, make, reason }: Situation): Promise<StatusView> {
    const { haraka } = this.path
    if (settings) {
      await haraka.stop()
      writeFileSync(join(haraka.dir, 'config', 'tdc.ini'), settings(this.ini))
      await haraka.start()
      this.port = await httpPort(haraka)
    }
    await make(this)
    for (let tries = 0; ; tries++) {
      const view = await this.view()
      if (reason === '' || view.wrong.some(({ text }) => text.includes(`${reason}:`))) return view
      if (tries > 100)
        throw new Error(`no ${reason}: ${JSON.stringify(view.wrong)}\n${haraka.tail()}`)
      await sleep(100)
    }
  }

  async view(): Promise<StatusView> {
    return JSON.parse(await this.get('/tdc/status')) as StatusView
  }

  /** Each process answers for a second with what it gathered last. */
  async untilMetrics(wanted: RegExp): Promise<void> {
    for (let tries = 0; ; tries++) {
      const metrics = await this.get('/tdc/metrics')
      if (wanted.test(metrics)) return
      if (tries > 30) throw new Error(`no ${wanted}\n${metrics}`)
      await sleep(100)
    }
  }

  async over(): Promise<void> {
    await this.path.close()
    await this.redis?.close()
  }

  private async get(path: string): Promise<string> {
    const get = () => within(PATIENCE, `no ${path}`, ask(this.port, path))
    return (await get().catch(get)).body
  }
}
