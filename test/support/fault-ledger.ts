import { createHash } from 'node:crypto'
import type { Step } from './fault-script'

/** A message whose final dot the server has read. */
export interface SeenMessage {
  /** As it stood between the angle brackets. */
  readonly mailFrom: string
  /** What stood behind the reverse-path, such as `SIZE=12 BODY=8BITMIME`. */
  readonly parameters: string
  readonly rcptTo: readonly string[]
  /** The message after unstuffing, without the final dot line. Empty with `keepMessages: false`. */
  readonly raw: Buffer
  /** Of `raw`, in hex. */
  readonly sha256: string
  readonly size: number
  /** The code that answered the final dot; 0 when nothing did. */
  code: number
}

export interface SeenCommand {
  readonly phase: 'plain' | 'tls'
  readonly line: string
}

export interface SeenTls {
  readonly protocol: string | null
  readonly cipher: string
  /** The name in SNI; undefined when there was none. */
  readonly servername: string | undefined
  readonly resumed: boolean
  /** The subject of the client's certificate; undefined: it showed none. */
  readonly client: string | undefined
}

/** What the server saw of one connection. */
export class Seen {
  readonly commands: SeenCommand[] = []
  readonly messages: SeenMessage[] = []
  readonly steps: Step[] = []
  tls: SeenTls | undefined
  handshakeError: string | undefined
  private readonly plain: Buffer[] = []

  /** Every octet that came outside TLS, whatever it was; a ClientHello is not among them. */
  get plaintext(): Buffer {
    return Buffer.concat(this.plain)
  }

  addPlaintext(chunk: Buffer): void {
    this.plain.push(chunk)
  }

  /** The command lines, to compare with a whole dialogue at once. */
  lines(phase: SeenCommand['phase']): string[] {
    return this.commands.filter((command) => command.phase === phase).map(({ line }) => line)
  }
}

/** Takes the dot stuffing back (RFC 5321 section 4.5.2). */
export function unstuff(content: Buffer): Buffer {
  const parts: Buffer[] = []
  let from = content[0] === DOT ? 1 : 0
  for (;;) {
    const at = content.indexOf(STUFFED, from)
    if (at < 0) break
    parts.push(content.subarray(from, at + 2))
    from = at + STUFFED.length
  }
  parts.push(content.subarray(from))
  return Buffer.concat(parts)
}

export function sha256(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex')
}

const DOT = 0x2e
const STUFFED = Buffer.from('\r\n.')
