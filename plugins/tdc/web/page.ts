import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Report } from '../monitor/events'
import { accessOf } from './access'
import { type PageRoute, type Routes, send, sentence, type Turn } from './http-answer'
import { type Asset, readAssets } from './assets'
import { type DataDeps, PageData } from './data'
import { login } from './login'

interface PageDeps extends Omit<DataDeps, 'isGranted'> {
  readonly report: Report
}

/** A handler as Haraka's HTTP takes them (`server.http.app.use`). */
type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

/** The Delivery Status page, its data, and the metrics. */
export class StatusPage {
  private readonly assets = readAssets()
  private readonly data: PageData
  private readonly routes: ReadonlyMap<string, PageRoute>

  constructor(private readonly deps: PageDeps) {
    const isGranted = (turn: Pick<Turn, 'request' | 'page'>) => this.accessOf(turn) === 'granted'
    this.data = new PageData({ ...deps, isGranted })
    this.routes = new Map([
      ['/', { method: 'GET', answer: (turn) => this.asset(turn, 'page.html') }],
      ['/login', { method: 'POST', data: true, open: true, answer: (turn) => this.login(turn) }],
      ...this.data.routes,
      ...this.assetRoutes(),
    ])
  }

  /** Answers what is below the page's path, and leaves the rest to others. */
  readonly handle: Handler = (request, response, next) => {
    const page = this.deps.settings()
    const { path, query } = partsOf(request.url ?? '')
    const isOurs = path === page.path || path.startsWith(`${page.path}/`)
    if (!page.enabled || !isOurs) return next()
    const turn = { request, response, page, query }
    this.turn(turn, path.slice(page.path.length)).catch((error: unknown) => {
      // Who has gone away is told nothing, and may be why.
      if (response.destroyed) return
      const text = `status page: ${request.method} ${path}: ${String(error)}`
      this.deps.report({ kind: 'problem', text })
      send(response, sentence(500, 'This went wrong; the log says why.'))
    })
  }

  shutdown(): void {
    this.data.close()
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

  private assetRoutes(): Routes {
    const names = [...this.assets.keys()].filter((name) => !name.endsWith('.html'))
    return names.map((name) => [
      `/${name}`,
      { method: 'GET', open: true, answer: (turn) => this.asset(turn, name) },
    ])
  }

  private asset({ response }: Turn, name: string): void {
    send(response, { status: 200, ...this.file(name) })
  }

  private file(name: string): Asset {
    const asset = this.assets.get(name)
    if (!asset) throw new Error(`no asset ${name}`)
    return asset
  }

  private async login({ request, response, page }: Turn): Promise<void> {
    const { token, path } = page
    if (token === undefined) return redirect(response, `${path}/`)
    const result = await login(request, { ...page, token }, this.deps.clock.wall())
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

function partsOf(url: string): { path: string; query: URLSearchParams } {
  const end = url.includes('?') ? url.indexOf('?') : url.length
  return { path: url.slice(0, end), query: new URLSearchParams(url.slice(end + 1)) }
}

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
