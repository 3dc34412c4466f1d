import { writeContent } from './content'
import type { Conversation } from './conversation'
import { GIVEN_UP, protocolLoss } from './loss'
import type { Timeouts } from './options'
import type { Command } from './outcome'
import type { Outgoing } from './outgoing'
import type { Step } from './step'
import type { SecureSocket } from './tls'

/** What a strategy of sending (transmit.ts) may do with the connection, each under its timer. */
export class Wire {
  constructor(
    private readonly socket: SecureSocket,
    private readonly conversation: Conversation<string>,
    private readonly timeouts: Timeouts,
  ) {}

  command(command: Command, line: string): Promise<Step> {
    return this.conversation.exchange(command, line, this.timeouts.command)
  }

  /** The message, the final dot and the reply, which may come at any moment. */
  async content(message: Outgoing): Promise<Step> {
    const { conversation, socket } = this
    const { data, final } = this.timeouts
    const over = new AbortController()
    const reply = conversation.read('BODY', data)
    void reply.then(() => over.abort())
    const progress = (): void => conversation.patience(data)
    const written = await writeContent(socket, message, progress, over.signal)
    if (written.kind === 'written') {
      conversation.patience(final)
      socket.write('.\r\n')
      return reply
    }
    if (written.kind === 'unreadable') {
      conversation.end({ kind: 'network', details: 'error', reason: written.reason })
    }
    return this.cutOff(await reply)
  }

  /** Only closing tells the server that a message is cut off: a final dot would complete it. */
  private cutOff(step: Step): Step {
    if (step.kind !== 'passed') {
      this.conversation.end(GIVEN_UP)
      return step
    }
    const failure = protocolLoss('the reply came before the end of the message')
    this.conversation.end(failure)
    return { kind: 'lost', failure }
  }
}
