import type { IncomingMessage } from 'node:http'
import type { StatusPageSettings } from '../settings/settings'
import { COOKIE, isToken, sessionValue } from './access'

/** Octets of the form that is read: the longest token, its name, and room for escapes. */
const LONGEST_FORM = 1024
const FORM_TYPE = 'application/x-www-form-urlencoded'

type Login =
  | { readonly kind: 'welcome'; readonly cookie: string }
  | { readonly kind: 'wrong-token' }
  | { readonly kind: 'unreadable'; readonly status: number; readonly why: string }

/** Reads the form and, for the right token, makes the cookie that stands for it. */
export async function login(
  request: IncomingMessage,
  page: StatusPageSettings & { readonly token: string },
  now: number,
): Promise<Login> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== FORM_TYPE) {
    return { kind: 'unreadable', status: 415, why: `The form must come as ${FORM_TYPE}.` }
  }
  const form = await readForm(request)
  if (typeof form === 'string') return { kind: 'unreadable', ...UNREADABLE[form] }
  if (!isToken(form.get('token')?.trim() ?? '', page.token)) return { kind: 'wrong-token' }
  const value = sessionValue(page.token, now + page.sessionLength)
  return { kind: 'welcome', cookie: cookie(value, page, request) }
}

const UNREADABLE = {
  'too-long': { status: 413, why: 'The form is too long.' },
  'broken-off': { status: 400, why: 'The form broke off.' },
} as const

async function readForm(
  request: IncomingMessage,
): Promise<URLSearchParams | keyof typeof UNREADABLE> {
  const pieces: Buffer[] = []
  let octets = 0
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      octets += piece.length
      if (octets > LONGEST_FORM) return 'too-long'
      pieces.push(piece)
    }
  } catch {
    // Whoever goes away in the middle, on purpose or not, is no error of this server.
    return 'broken-off'
  }
  return new URLSearchParams(Buffer.concat(pieces).toString('utf8'))
}

function cookie(
  value: string,
  { path, sessionLength }: StatusPageSettings,
  { socket }: IncomingMessage,
): string {
  const secure = 'encrypted' in socket ? '; Secure' : ''
  const ends = `Max-Age=${sessionLength / 1000}`
  return `${COOKIE}=${value}; Path=${path}; ${ends}; HttpOnly; SameSite=Strict${secure}`
}
