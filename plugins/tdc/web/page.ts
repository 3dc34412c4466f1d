import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock'
import type { Found } from '../control/gathered'
import type { Report } from '../monitor/events'
import type { Status } from '../monitor/status'
import type { StatusPageSettings } from '../settings/settings'
import { accessOf } from './access'
import { json, sentence, send } from './answer'
import { type Asset, readAssets } from './assets'
import { foundView } from './found-view'
import { login } from './login'
import { exposition, METRICS_TYPE } from './metrics'
import { Shared } from './shared'
import { statusView } from './status-view'
import { Watchers } from './watchers'

export interface PageDeps {
  readonly settings: () => StatusPageSettings
  /** What all processes know together. */
  readonly gather: () => Promise<Status>
  /** The messages that a MID, a Message-ID or an address stands for, of all processes. */
  readonly find: (wanted: string) => Promise<Found>
  readonly clock: Clock
  readonly report: Report
}

/** A handler as Haraka's HTTP takes them (`server.http.app.use`). */
export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

interface Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly page: StatusPageSettings
  readonly query: URLSearchParams
}

interface Route {
  readonly method: 'GET' | 'POST'
  /** Served to whoever may come to the page at all: the form asks for the token. */
  readonly open?: true
  /** Of use to the page itself and to programs only; another site has no business with it. */
  readonly data?: true
  readonly answer: (turn: Turn) => Promise<void> | void
}

/** Milliseconds that what was gathered serves all who ask. */
const FRESH_FOR = 900

/** Characters of a search: the longest Message-ID that a line can hold (RFC 5322 section 2.1.1). */
const LONGEST_SEARCH = 998

/** Searches at a time; each asks all processes. */
const MOST_SEARCHES = 4

/** The Delivery Status page, its data, and the metrics. */
export class StatusPage {
  private readonly assets = readAssets()
  private readonly status: Shared<Status>
  private readonly watchers: Watchers
  private readonly routes: ReadonlyMap<string, Route>
  private searches = 0

  constructor(private readonly deps: PageDeps) {
    const { gather, clock, settings } = deps
    this.status = new Shared(gather, FRESH_FOR, () => clock.monotonic())
    this.watchers = new Watchers(
      async () => JSON.stringify(statusView(await this.status.value(), settings())),
      clock,
    )
    this.routes = new Map<string, Route>([
      ['/', { method: 'GET', answer: (turn) => this.asset(turn, 'page.html') }],
      ['/status', { method: 'GET', data: true, answer: (turn) => this.showStatus(turn) }],
      ['/events', { method: 'GET', data: true, answer: (turn) => this.watch(turn) }],
      ['/track', { method: 'GET', data: true, answer: (turn) => this.search(turn) }],
      ['/metrics', { method: 'GET', data: true, answer: (turn) => this.showMetrics(turn) }],
      ['/login', { method: 'POST', data: true, open: true, answer: (turn) => this.login(turn) }],
      ...[...this.assets.keys()]
        .filter((name) => !name.endsWith('.html'))
        .map((name): [string, Route] => [
          `/${name}`,
          { method: 'GET', open: true, answer: (turn) => this.asset(turn, name) },
        ]),
    ])
  }

  /** Answers what is below the page's path, and leaves the rest to others. */
  readonly handle: Handler = (request, response, next) => {
    const page = this.deps.settings()
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    const isOurs = path === page.path || path.startsWith(`${page.path}/`)
    if (!page.enabled || !isOurs) return next()
    const turn = { request, response, page, query: new URLSearchParams(query) }
    this.turn(turn, path.slice(page.path.length)).catch((error: unknown) => {
      const text = `status page: ${request.method} ${path}: ${String(error)}`
      this.deps.report({ kind: 'problem', text })
      send(response, sentence(500, 'This went wrong; the log says why.'))
    })
  }

  shutdown(): void {
    this.watchers.close()
  }

  private async turn(turn: Turn, path: string): Promise<void> {
    const { request, response, page } = turn
    const route = this.routes.get(path === '' ? '/' : path)
    const access = this.accessOf(turn)
    if (access === 'wrong-host') return send(response, WRONG_HOST)
    if (access === 'not-local') return send(response, NOT_LOCAL)
    if (route?.data && isFromAnotherSite(request)) return send(response, OTHER_SITE)
    if (access === 'token-needed' && !route?.open) return this.askForToken(turn, path)
    if (!route) return send(response, sentence(404, 'There is no such page here.'))
    if (request.method !== route.method) {
      const text = `This takes ${route.method} only.`
      return send(response, sentence(405, text, { Allow: route.method }))
    }
    // What the page names stands beside it.
    if (path === '') return redirect(response, `${page.path}/`)
    await route.answer(turn)
  }

  private accessOf({ request, page }: Pick<Turn, 'request' | 'page'>) {
    const { headers, socket } = request
    const { remoteAddress, localAddress } = socket
    return accessOf({ headers, remoteAddress, localAddress }, page, this.deps.clock.wall())
  }

  private askForToken({ response, page, request }: Turn, path: string): void {
    const challenge = { 'WWW-Authenticate': 'Bearer realm="tdc"' }
    if (request.method === 'GET' && path === '') return redirect(response, `${page.path}/`)
    if (request.method !== 'GET' || path !== '/') {
      return send(response, sentence(401, 'A token is needed.', challenge))
    }
    send(response, { status: 401, ...this.file('login.html'), headers: challenge })
  }

  private asset({ response }: Turn, name: string): void {
    send(response, { status: 200, ...this.file(name) })
  }

  private file(name: string): Asset {
    const asset = this.assets.get(name)
    if (!asset) throw new Error(`no asset ${name}`)
    return asset
  }

  private async showStatus({ response, page }: Turn): Promise<void> {
    send(response, json(statusView(await this.status.value(), page)))
  }

  private watch(turn: Turn): void {
    const { request, response, page } = turn
    this.watchers.add(response, () => {
      const now = this.deps.settings()
      return (
        now.enabled && this.accessOf({ request, page: now }) === 'granted' && now.path === page.path
      )
    })
  }

  private async search({ response, query, page }: Turn): Promise<void> {
    const wanted = (query.get('q') ?? '').trim()
    if (wanted === '') return send(response, sentence(400, 'Nothing to search for: q is missing.'))
    if (wanted.length > LONGEST_SEARCH) {
      const text = `q has ${wanted.length} characters; ${LONGEST_SEARCH} are the most.`
      return send(response, sentence(400, text))
    }
    if (this.searches >= MOST_SEARCHES) {
      const text = `${MOST_SEARCHES} searches are running already.`
      return send(response, sentence(503, text, { 'Retry-After': '1' }))
    }
    this.searches++
    try {
      send(response, json(foundView(await this.deps.find(wanted), page)))
    } finally {
      this.searches--
    }
  }

  private async showMetrics({ response }: Turn): Promise<void> {
    const status = await this.status.value()
    if (status.silent.length > 0) {
      // Sums that lack a worker would look like counters that began anew.
      const text = `${status.silent.length} worker(s) did not answer in time.`
      return send(response, sentence(503, text))
    }
    send(response, { status: 200, type: METRICS_TYPE, body: await exposition(status) })
  }

  private async login({ request, response, page }: Turn): Promise<void> {
    const { token, path } = page
    if (token === undefined) return redirect(response, `${path}/`)
    const result = await login(request, { token, path }, this.deps.clock.wall())
    switch (result.kind) {
      case 'welcome':
        return redirect(response, `${path}/`, { 'Set-Cookie': result.cookie })
      case 'unreadable':
        return send(response, sentence(result.status, result.why, { Connection: 'close' }))
      case 'wrong-token':
        return this.askAgain(response)
    }
  }

  private askAgain(response: ServerResponse): void {
    const { type, body } = this.file('login.html')
    const text = body.toString('utf8').replace('role="alert" hidden', 'role="alert"')
    send(response, { status: 401, type, body: text })
  }
}

const WRONG_HOST = sentence(
  421,
  'This server is not known by that name: [status_page] hosts in tdc.ini lists its names.',
)
const NOT_LOCAL = sentence(
  403,
  'Without a token only clients on the server itself are served: set [status_page] token in tdc.ini.',
)
const OTHER_SITE = sentence(403, 'Another site asked for this.')

/** Fetch Metadata (W3C): what browsers say of who asks; programs say nothing. */
function isFromAnotherSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

function redirect(
  response: ServerResponse,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  send(response, sentence(303, `See ${path}`, { Location: path, ...headers }))
}
