import type { SmtpClient } from './types'

/** How far one way of handing the original on has come. */
export interface Handover {
  /**
   * `open`: it may still be taken; `taken`; `not-taken`: certainly nobody has it by this way;
   * `unanswered`: all of it went out and no answer came, or comes any more.
   */
  readonly state: 'open' | 'taken' | 'not-taken' | 'unanswered'
  /** Who has it or may have, as the next hop was told; undefined: all of them. */
  readonly recipients: readonly string[] | undefined
}

/** Final line of a reply (RFC 5321 section 4.2.1), as core's smtp_client takes lines apart. */
const FINAL_LINE = /^(\d)\d\d /

/**
 * One conversation of core's smtp_client with the next hop of an original, which may be in it
 * several times (`one_message_per_rcpt`). It is only listened to: nothing is called and no property
 * is set. A connection that never stood, or ended before the final dot was handed to the socket,
 * cannot have delivered (RFC 5321 section 4.1.1.4).
 */
export class NextHop {
  private closed = false
  /** What the next hop has of the message that is on its way. */
  private has: 'nothing' | 'part' | 'all' = 'nothing'
  private named: string[] = []
  private readonly taken: string[] = []
  private readonly unanswered: string[] = []

  constructor(
    readonly plugin: object,
    private readonly client: SmtpClient,
  ) {
    client.on('client_protocol', (line) => this.sent(String(line)))
    client.on('server_protocol', (line) => this.answered(String(line)))
    client.socket.on('pipe', (content) => {
      this.has = 'part'
      content.once('end', () => {
        if (this.has === 'part') this.has = 'all'
      })
    })
    client.socket.on('close', () => {
      this.closed = true
      if (this.has === 'all') this.unanswered.push(...this.named)
      this.has = 'nothing'
    })
  }

  /** The original is read by this conversation. */
  owns(destination: unknown): boolean {
    return destination === this.client.socket
  }

  /** `goesOn`: whoever leads the conversation has not come to an end with it. */
  handover(goesOn: boolean): Handover {
    const open = this.has !== 'nothing' || (goesOn && !this.closed)
    if (open) return { state: 'open', recipients: undefined }
    const recipients = [...this.taken, ...this.unanswered]
    if (this.taken.length > 0) return { state: 'taken', recipients }
    return { state: recipients.length > 0 ? 'unanswered' : 'not-taken', recipients }
  }

  private sent(line: string): void {
    if (/^MAIL FROM:/i.test(line)) this.named = []
    const [, recipient] = /^RCPT TO:<(.*)>/i.exec(line) ?? []
    if (recipient !== undefined) this.named.push(recipient)
  }

  private answered(line: string): void {
    const [, kind] = FINAL_LINE.exec(line) ?? []
    if (kind === undefined) return
    if (this.client.command === 'rcpt' && kind !== '2') this.named.pop()
    if (this.client.command !== 'dot') return
    if (kind === '2') this.taken.push(...this.named)
    this.has = 'nothing'
  }
}

/** An original that was given to core's outbound queue. */
export class OutboundQueue {
  private state: Handover['state'] = 'open'

  /** Its callback was called with this code. */
  ended(isOk: boolean): void {
    this.state = isOk ? 'taken' : 'not-taken'
  }

  /** Its queue files are being written. */
  get isOpen(): boolean {
    return this.state === 'open'
  }

  handover(): Handover {
    return { state: this.state, recipients: undefined }
  }
}
