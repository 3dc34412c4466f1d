import { linkSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Answer, no } from '../base/answer'
import type { Clock } from '../clock'
import { errorCode } from '../base/error-code'
import { parseRequest, type Request } from './requests'

type Opened =
  | { readonly kind: 'open' }
  /** Another server answers there. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly why: string }

/** Longest request, in octets. */
const LONGEST_REQUEST = 16 * 1024
const MOST_CONNECTIONS = 20
/** Milliseconds that a client may take for its request. */
const REQUEST_TIME = 10_000
/** Milliseconds in which a server that is there takes a connection. */
const PROBE_TIME = 1_000
const OWNER_ONLY = 0o600

/**
 * Octets that every system takes for the path of a socket, without its end: `sun_path` has 108 on
 * Linux (unix(7)), 104 on BSD and macOS. The name that is bound first has `.PID` behind it.
 */
const LONGEST_PATH = 103 - '.4194304'.length

/**
 * The Unix socket over which the running server is asked: one request a line, in JSON, one answer
 * a line. Only the server's own user can connect.
 */
export class ControlSocket {
  private server: Server | undefined
  private inode: number | undefined

  constructor(
    private readonly path: string,
    private readonly answer: (request: Request) => Promise<Answer>,
    private readonly clock: Clock,
  ) {}

  /** Replaces what a server that is gone has left, never that of one which runs. */
  async open(): Promise<Opened> {
    const octets = Buffer.byteLength(this.path)
    if (octets > LONGEST_PATH) {
      const why = `its path has ${octets} octets, a socket's can have ${LONGEST_PATH}`
      return { kind: 'failed', why }
    }
    try {
      const found = await probe(this.path, this.clock)
      if (found.kind === 'answers') return { kind: 'taken' }
      if (found.kind === 'refused') return { kind: 'failed', why: found.why }
      if (found.kind === 'not-a-socket') {
        return { kind: 'failed', why: 'a file of that name is there' }
      }
      if (found.kind === 'stale' && inodeOf(this.path) === found.inode) unlinkSync(this.path)
      await this.listen()
      return { kind: 'open' }
    } catch (error) {
      const code = errorCode(error)
      return code === 'EEXIST' ? { kind: 'taken' } : { kind: 'failed', why: code ?? `${error}` }
    }
  }

  /** It listens, and who looks for it under its path finds nothing: somebody took it away. */
  get isLost(): boolean {
    return this.server !== undefined && inodeOf(this.path) === undefined
  }

  /** Stops listening and takes the socket away, if it is still ours. At once: the process may end. */
  close(): void {
    const { server, inode: own } = this
    if (!server) return
    this.server = this.inode = undefined
    server.close()
    quietly(() => {
      if (own !== undefined && inodeOf(this.path) === own) unlinkSync(this.path)
    })
  }

  private async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.serve(socket))
    server.maxConnections = MOST_CONNECTIONS
    server.unref()
    const own = `${this.path}.${process.pid}`
    await bind(server, own)
    server.on('error', () => {})
    this.server = server
    try {
      this.inode = inodeOf(own)
      // Not a rename: that would replace what another server has just made.
      linkSync(own, this.path)
    } catch (error) {
      this.close()
      throw error
    } finally {
      quietly(() => unlinkSync(own))
    }
  }

  private serve(socket: Socket): void {
    socket.unref()
    socket.on('error', () => socket.destroy())
    const reader = new LineReader(LONGEST_REQUEST)
    let answering: Promise<unknown> = Promise.resolve()
    const inTurn = (work: () => unknown): void => {
      answering = answering.then(work).catch(() => socket.destroy())
    }
    let [deadline, open] = [this.deadline(socket), 0]
    socket.on('data', (octets: Buffer) => {
      for (const line of reader.read(octets)) {
        deadline.cancel()
        open++
        // No more is read until all is answered: a client cannot pile requests up.
        socket.pause()
        inTurn(async () => {
          await this.reply(socket, line)
          if (--open > 0) return
          deadline = this.deadline(socket)
          socket.resume()
        })
      }
      if (reader.tooLong) {
        socket.removeAllListeners('data')
        const why = `the request is longer than ${LONGEST_REQUEST} octets`
        inTurn(() => socket.end(lineOf(no(why))))
      }
    })
    socket.on('end', () => inTurn(() => socket.end()))
    socket.on('close', () => deadline.cancel())
  }

  private deadline(socket: Socket) {
    return this.clock.after(REQUEST_TIME, () => socket.destroy())
  }

  private async reply(socket: Socket, line: string): Promise<void> {
    const answer = await this.answerTo(line)
    await new Promise<void>((resolve) => socket.write(lineOf(answer), () => resolve()))
  }

  private async answerTo(line: string): Promise<Answer> {
    try {
      const request = parseRequest(parseJson(line))
      return typeof request === 'string' ? no(request) : await this.answer(request)
    } catch (error) {
      return no(String(error))
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function lineOf(answer: Answer): string {
  return JSON.stringify(answer) + '\n'
}

/** The socket's file is there before listen() returns: for no moment is it open to others. */
function bind(server: Server, path: string): Promise<void> {
  const before = process.umask(0o777 & ~OWNER_ONLY)
  const bound = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  process.umask(before)
  return bound
}

type Probed =
  | { kind: 'nothing' }
  | { kind: 'answers' }
  | { kind: 'not-a-socket' }
  /** It is another user's, and whether somebody listens cannot be asked. */
  | { kind: 'refused'; why: string }
  | { kind: 'stale'; inode: number | undefined }

function probe(path: string, clock: Clock): Promise<Probed> {
  const inode = inodeOf(path)
  if (inode === undefined) return Promise.resolve({ kind: 'nothing' })
  if (!lstatSync(path).isSocket()) return Promise.resolve({ kind: 'not-a-socket' })
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (probed: Probed): void => {
      deadline.cancel()
      socket.destroy()
      resolve(probed)
    }
    // One that does not take connections for now is there all the same.
    const deadline = clock.after(PROBE_TIME, () => end({ kind: 'answers' }))
    socket.once('connect', () => end({ kind: 'answers' }))
    socket.once('error', (error) => {
      const code = errorCode(error)
      if (code === 'EACCES' || code === 'EPERM') return end({ kind: 'refused', why: code })
      const gone = code === 'ECONNREFUSED' || code === 'ENOENT'
      end(gone ? { kind: 'stale', inode } : { kind: 'answers' })
    })
  })
}

/** What stays behind is replaced at the next start: nobody answers there. */
function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // It is not worth the server's life, which may just be ending in order.
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino
}

const LF = 0x0a

/** Cuts octets that come in pieces into lines of UTF-8; a line has an end, or there is none. */
class LineReader {
  tooLong = false
  private pieces: Buffer[] = []
  private held = 0

  constructor(private readonly longest: number) {}

  /** The lines that are complete now, without their ends and without empty ones. */
  *read(octets: Buffer): Generator<string> {
    let from = 0
    while (!this.tooLong) {
      const to = octets.indexOf(LF, from)
      if (!this.hold(octets.subarray(from, to < 0 ? undefined : to)) || to < 0) return
      const line = Buffer.concat(this.pieces).toString('utf8').trim()
      this.pieces = []
      this.held = 0
      if (line !== '') yield line
      from = to + 1
    }
  }

  private hold(piece: Buffer): boolean {
    this.held += piece.length
    if (this.held > this.longest) {
      this.tooLong = true
      this.pieces = []
      return false
    }
    this.pieces.push(piece)
    return true
  }
}
