import { systemClock } from '../../plugins/tdc/clock'
import { IntakeLink } from '../support/intake-link'
import { DeliveryLine, type Ended } from './delivery-line'

/** What this program prints, as JSON: how a copy ended, and why its connections failed. */
export interface Unreached {
  readonly ended: Ended
  readonly details: readonly string[]
}

async function main(): Promise<void> {
  // Nobody is there to hear it: without an interface the loopback has no address to listen on.
  const link = await IntakeLink.start({ host: '0.0.0.0' }, { clock: systemClock })
  const line = new DeliveryLine(link.options, {
    maxAge: 20_000,
    retryDelay: 10,
    minConnections: 1,
    maxConnections: 1,
  })
  const ended = await line.deliver('m1', Buffer.from('Subject: copy\r\n\r\n'))
  const details = line.events.flatMap((event) =>
    event.kind === 'connection-error' ? [event.details] : [],
  )
  process.stdout.write(JSON.stringify({ ended, details } satisfies Unreached))
}

// Without a network nothing else keeps it.
void main().finally(() => process.exit())
