import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StatusPageSettings } from '../settings/settings'

/**
 * No script but our own files, nothing from elsewhere, in no frame, and no way for the page to make
 * HTML of text (CSP level 3; Trusted Types).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** The head of every answer; the body is the caller's. */
export function writeHead(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  response.removeHeader('X-Powered-By')
  response.writeHead(status, { ...HEADERS, ...headers })
}

export function send(response: ServerResponse, { status, type, body, headers }: Answer): void {
  if (response.headersSent) return void response.destroy()
  writeHead(response, status, {
    'Content-Type': type,
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  })
  response.end(body)
}

/** One sentence. */
export function sentence(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, type: TEXT, body: `${text}\n`, headers }
}

export function json(value: unknown): Answer {
  return { status: 200, type: JSON_TYPE, body: JSON.stringify(value) }
}

/** One request below the page's path, and the settings as they were when it came. */
export interface Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly page: StatusPageSettings
  readonly query: URLSearchParams
}

export interface PageRoute {
  readonly method: 'GET' | 'POST'
  /** Served to whoever may come to the page at all: the form asks for the token. */
  readonly open?: true
  /** Of use to the page itself and to programs only; another site has no business with it. */
  readonly data?: true
  readonly answer: (turn: Turn) => Promise<void> | void
}

/** By path below the page's own. */
export type Routes = readonly (readonly [path: string, route: PageRoute])[]
