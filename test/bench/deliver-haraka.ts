import { compare } from './compare'
import type { Figure } from './figure'
import type { QueueOwner } from './queue-files'
import { runQueue } from './queue-run'
import { ALL_KEYWORDS, startSink } from './sink'
import { INTAKE_HOST, intakeTrust } from './trust'

const MESSAGES = 3_000
const ROUNDS = 5
const CONNECTIONS = 20

/**
 * Two Harakas with 3,000 messages in their queue directory: one with the connector, whose copies
 * they are, one that delivers them with its own outbound and forced TLS.
 */
export async function deliverHaraka(): Promise<Figure> {
  const { certificate, ca } = await intakeTrust()
  const sink = await startSink({ tls: certificate, keywords: ALL_KEYWORDS, host: INTAKE_HOST })
  const rate = async (owner: QueueOwner) => {
    const run = { owner, messages: MESSAGES, connections: CONNECTIONS, sink, ca }
    return MESSAGES / (await runQueue(run))
  }
  try {
    return await compare({
      name: 'deliver-haraka',
      unit: 'messages/s',
      rounds: ROUNDS,
      // Each round has processes of its own.
      warmUp: false,
      ours: { name: 'connector', round: () => rate('connector') },
      theirs: { name: 'outbound', round: () => rate('haraka') },
    })
  } finally {
    await sink.close()
  }
}
