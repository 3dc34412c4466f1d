import type { Capabilities } from './capabilities'
import type { Envelope } from './envelope'
import type { Loss } from './loss'
import type { Command, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import type { Wire } from './wire'

/** How one message ended on the wire. `begun`: DATA had been accepted. */
export type Transmission =
  | { kind: 'accepted'; reply: Reply }
  | { kind: 'refused'; begun: boolean; command: Command; reply: Reply }
  | { kind: 'lost'; begun: boolean; failure: Loss }

/** A way to put the commands of one message on the wire. */
export type Transmit = (
  wire: Wire,
  envelope: Extract<Envelope, { kind: 'commands' }>,
  message: Outgoing,
) => Promise<Transmission>

/** The place where PIPELINING (RFC 2920) and CHUNKING (RFC 3030) choose a strategy of their own. */
export function transmitFor(_capabilities: Capabilities): Transmit {
  return sequential
}

/** Each command waits for the reply to the one before. */
const sequential: Transmit = async (wire, envelope, message) => {
  const commands: readonly [Command, string][] = [
    ['MAIL', envelope.mail],
    ['RCPT', envelope.rcpt],
    ['DATA', 'DATA'],
  ]
  for (const [command, line] of commands) {
    const step = await wire.command(command, line)
    if (step.kind !== 'passed') return { ...step, begun: false }
  }
  const step = await wire.content(message)
  return step.kind === 'passed' ? { kind: 'accepted', reply: step.reply } : { ...step, begun: true }
}
