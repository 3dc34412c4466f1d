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
  /**
   * What its next replies are for, in order: RFC 5321 section 4.1.1. A plugin whose time is over does not
   * wait for one before it goes on.
   */
  private readonly asked: string[] = [GREETING]
  /** Recipients of the message that is on its way, as the next hop accepted them. */
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
      this.asked.push(FINAL_DOT)
      content.once('end', () => {
        if (this.has === 'part') this.has = 'all'
      })
    })
    client.socket.on('close', () => {
      this.closed = true
      if (this.has === 'all') this.unanswered.push(...this.maybeNamed)
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
    const recipients = [...this.taken, ...this.unanswered, ...(open ? this.maybeNamed : [])]
    if (open) return { state: 'open', recipients }
    if (this.taken.length > 0) return { state: 'taken', recipients }
    return { state: recipients.length > 0 ? 'unanswered' : 'not-taken', recipients }
  }

  /** With those for whom the next hop has no answer yet. */
  private get maybeNamed(): string[] {
    return [...this.named, ...this.asked.flatMap(recipientIn)]
  }

  private sent(line: string): void {
    if (/^MAIL FROM:/i.test(line)) this.named = []
    this.asked.push(line)
  }

  private answered(line: string): void {
    const [, kind] = FINAL_LINE.exec(line) ?? []
    const command = kind === undefined ? undefined : this.asked.shift()
    if (command === undefined) return
    const isYes = kind === '2'
    if (isYes) this.named.push(...recipientIn(command))
    if (command !== FINAL_DOT) return
    if (isYes) this.taken.push(...this.named)
    this.has = 'nothing'
  }
}

/** What a next hop answers though no line was sent for it. */
const [GREETING, FINAL_DOT] = ['greeting', '.']

/** Of a RCPT command; none of others. */
function recipientIn(line: string): string[] {
  return /^RCPT TO:<(.*)>/i.exec(line)?.slice(1) ?? []
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
