import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { type Answer, isAnswer } from '../base/answer'
import { socketPath } from '../control/control'
import {
  type AnswerTo,
  type AskedBy,
  type Request,
  type RequestName,
  rowFor,
} from '../control/requests'
import { errorCode } from '../base/error-code'
import { ownFolderIn } from '../haraka/queue-directory'
import { queuePathOf } from '../haraka/standalone-settings'
import { type Call, EXIT, Stop } from './command'

/** Haraka's own server directories have this file. */
const SIGN = join('config', 'plugins')

/** Where `-c`, the environment or the working directory point: Haraka's server directory. */
export function directoryGiven(given: string | undefined, env = process.env): string {
  const wanted = given ?? env['HARAKA']
  const directory = resolve(wanted ?? '.')
  if (existsSync(join(directory, SIGN))) return directory
  const hint = wanted === undefined ? '; name it with -c DIR, or in HARAKA' : ''
  throw new Stop(
    EXIT.usage,
    `${directory} is no server directory of Haraka, it has no ${SIGN}${hint}`,
  )
}

/** Milliseconds beyond what the processes have: then the master itself does not answer. */
const MASTER_TIME = 2_000

/** Characters; ten thousand copies of a queue take a fifth of it. It may be another user's server. */
const LONGEST_ANSWER = 64 * 1024 * 1024

const NOT_RUNNING: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED'])
const NOT_PERMITTED: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM'])

/** One request to the running server; the sentence that says why there is no answer is a `Stop`. */
export async function askServer(directory: string, request: Request): Promise<Answer> {
  try {
    return await askAt(socketPath(directory), request)
  } catch (error) {
    if (!(error instanceof Stop) || error.code !== EXIT.notRunning) throw error
    // A server that became another user may have it beside its queue.
    const path = socketPath(ownFolderIn(queuePathOf(directory)))
    if (existsSync(path)) return await askAt(path, request)
    throw error
  }
}

function askAt(path: string, request: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8')
    const patience = rowFor(request).within + MASTER_TIME
    socket.setTimeout(patience, () => socket.destroy(new Error('it does not answer')))
    socket.on('data', (piece: string) => {
      text += piece
      if (text.length > LONGEST_ANSWER) socket.destroy(new Error('its answer does not end'))
    })
    socket.on('error', (error) => reject(unreachable(path, error)))
    socket.on('close', () => {
      const answer = parsed(text)
      if (answer) resolve(answer)
      else reject(new Stop(EXIT.notRunning, `the server ended without an answer (${path})`))
    })
    socket.end(JSON.stringify(request) + '\n')
  })
}

/** The value of the answer; a `no` ends the program. */
export async function ask<N extends RequestName>(
  call: Pick<Call, 'directory'>,
  name: N,
  asked: AskedBy<N>,
): Promise<AnswerTo<N>> {
  const request = { ask: name, ...asked } as unknown as Request
  const answer = await askServer(call.directory(), request)
  if (answer.kind === 'no') throw new Stop(EXIT.no, answer.why)
  return answer.value as AnswerTo<N>
}

function parsed(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isAnswer(value) ? value : undefined
  } catch {
    return undefined
  }
}

function unreachable(path: string, error: Error): Stop {
  const code = errorCode(error)
  if (NOT_PERMITTED.has(code)) {
    const who = 'run this as the user that started Haraka, or as root'
    return new Stop(EXIT.notPermitted, `${path} may not be used by this user: ${who}`)
  }
  if (NOT_RUNNING.has(code)) {
    return new Stop(EXIT.notRunning, `no Haraka with the tdc plugin runs here (${path})`)
  }
  return new Stop(EXIT.notRunning, `the server cannot be reached over ${path}: ${error.message}`)
}
