import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StatusPageSettings } from '../settings/settings'

/** One request below the page's path, and the settings as they were when it came. */
export interface Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly page: StatusPageSettings
  readonly query: URLSearchParams
}

export interface Route {
  readonly method: 'GET' | 'POST'
  /** Served to whoever may come to the page at all: the form asks for the token. */
  readonly open?: true
  /** Of use to the page itself and to programs only; another site has no business with it. */
  readonly data?: true
  readonly answer: (turn: Turn) => Promise<void> | void
}

/** By path below the page's own. */
export type Routes = readonly (readonly [path: string, route: Route])[]
