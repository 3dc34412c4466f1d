import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { State } from '../../plugins/tdc/monitor/health'
import type { StatusView } from '../../plugins/tdc/web/status-view'
import { ask } from './http-client'
import { HTTP_INI, httpPort } from './http-client'
import { mailAbout, MailPath } from './mail-path'

/** Copies of this server live so long that an intake that says nothing is slow before they end. */
const LIFE = 6

const SETTINGS = {
  delivery: [`max_age=${LIFE}`, 'retry_delay=1'],
  sections: [
    '[status_page]',
    'enabled=true',
    '[failed]',
    'keep=true',
    'keep_number=1',
    '[queue]',
    'min_free_space=0',
  ],
  config: { 'http.ini': HTTP_INI },
}

/** What an operator may find at 3 a.m., made with real servers. */
export interface Situation {
  readonly reason: string
  readonly state: State
  /** tdc.ini of another start; undefined: the server goes on as it is. */
  readonly settings?: (ini: string) => string
  make(path: MailPath): Promise<unknown>
  /** Back to where it was. */
  end?(path: MailPath): Promise<unknown>
}

const send = (path: MailPath, subject: string) => path.send(mailAbout(subject))
const refuse = (path: MailPath) => (path.onCopy = () => Promise.resolve('550 5.7.1 no'))
const take = (path: MailPath) => (path.onCopy = () => Promise.resolve(undefined))
const asItIs = () => Promise.resolve()

let goOn = () => {}

/** In this order: what was lost stays in sight for five minutes. */
export const SITUATIONS: readonly Situation[] = [
  { reason: '', state: 'ok', make: asItIs },
  {
    ...{ reason: 'held', state: 'warning' },
    make: (path) => path.haraka.tdc('hold'),
    end: (path) => path.haraka.tdc('release'),
  },
  {
    ...{ reason: 'refusing', state: 'failing' },
    async make(path) {
      refuse(path)
      await send(path, 'refused')
    },
  },
  {
    ...{ reason: 'kept-full', state: 'failing' },
    make: (path) => send(path, 'refused, and one is kept'),
  },
  {
    ...{ reason: 'losing', state: 'failing' },
    async make(path) {
      take(path)
      await send(path, 'taken')
    },
  },
  {
    ...{ reason: 'slow', state: 'failing' },
    async make(path) {
      const silent = new Promise<undefined>((resolve) => (goOn = () => resolve(undefined)))
      path.onCopy = () => silent
      await send(path, 'waits')
    },
    async end(path) {
      goOn()
      take(path)
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
    make: (path) => send(path, 'not written'),
  },
  {
    ...{ reason: 'unreachable', state: 'failing' },
    settings: (ini) => ini.replace(/^\[delivery\]$/m, '$&\nroute=127.0.0.1:1'),
    make: (path) => send(path, 'cannot be sent'),
  },
  {
    ...{ reason: 'disabled', state: 'warning' },
    settings: (ini) => ini.replace('enabled=true', 'enabled=false'),
    make: asItIs,
  },
]

/** A real Haraka that serves the page, and goes from one situation to the next. */
export class Night {
  private constructor(
    readonly path: MailPath,
    private readonly ini: string,
    private port: number,
  ) {}

  static async begin(): Promise<Night> {
    const path = await MailPath.start(SETTINGS)
    return new Night(path, path.haraka.config('tdc.ini'), await httpPort(path.haraka))
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
    await make(this.path)
    for (let tries = 0; ; tries++) {
      const view = await this.view()
      if (reason === '' || view.wrong.some((line) => line.includes(reason))) return view
      if (tries > 100) throw new Error(`no ${reason}: ${view.wrong.join('; ')}\n${haraka.tail()}`)
      await sleep(100)
    }
  }

  async view(): Promise<StatusView> {
    return JSON.parse((await ask(this.port, '/tdc/status')).body) as StatusView
  }

  async metrics(): Promise<string> {
    return (await ask(this.port, '/tdc/metrics')).body
  }

  async over(): Promise<void> {
    await this.path.close()
  }
}
