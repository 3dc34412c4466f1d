import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { HarakaServer } from './haraka'
import { within } from './within'

export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface HttpQuestion {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const DEADLINE = 10_000

/** One request over a connection of its own, and the whole reply. */
export async function ask(
  port: number,
  path: string,
  question: HttpQuestion = {},
): Promise<HttpReply> {
  const response = await open(port, path, question)
  response.setEncoding('utf8')
  let body = ''
  for await (const piece of response) body += piece
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

/** The reply as soon as its head is there. */
export function open(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body = '' }: HttpQuestion = {},
): Promise<IncomingMessage> {
  const opened = new Promise<IncomingMessage>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false }
    request(options, resolve).on('error', reject).end(body)
  })
  return within(DEADLINE, `no reply to ${method} ${path}`, opened)
}

/** http.ini for a Haraka whose `httpPort` is asked for. */
export const HTTP_INI = '[main]\nlisten=127.0.0.1:0\n'

const LISTENING = /Listening on 127\.0\.0\.1:(\d+)/

/** Where it serves HTTP: the other port that it says it listens on. */
export async function httpPort(server: HarakaServer): Promise<number> {
  const portOf = (line: string) => Number(LISTENING.exec(line)?.[1])
  const line = await server.waitForLine(
    (each) => LISTENING.test(each) && portOf(each) !== server.port,
  )
  return portOf(line)
}
