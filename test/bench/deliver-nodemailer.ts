import { compare } from './compare'
import type { Figure } from './figure'
import { makeSender, type Sender } from './sender'
import { ALL_KEYWORDS, startSink } from './sink'
import { INTAKE_HOST, intakeTrust } from './trust'

const MESSAGES = 3_000
const ROUNDS = 9

/**
 * The connector's pool and nodemailer's, both with 3,000 messages in memory, as fresh copies are, 20
 * connections and 50 messages for each. Opening the connections counts.
 */
export async function deliverNodemailer(): Promise<Figure> {
  const { certificate, ca } = await intakeTrust()
  const sink = await startSink({ tls: certificate, keywords: ALL_KEYWORDS, host: INTAKE_HOST })
  const target = {
    host: INTAKE_HOST,
    port: sink.port,
    ca,
    connections: 20,
    messagesPerConnection: 50,
  }
  const [pool, nodemailer] = [makeSender('pool', target), makeSender('nodemailer', target)]
  const round = (sender: Sender) => async () => {
    const before = await sink.count()
    const { seconds } = await sender.send(MESSAGES)
    const taken = (await sink.count()) - before
    if (taken !== MESSAGES) throw new Error(`the intake took ${taken} of ${MESSAGES} messages`)
    return MESSAGES / seconds
  }
  try {
    return await compare({
      name: 'deliver-nodemailer',
      unit: 'messages/s',
      rounds: ROUNDS,
      ours: { name: 'pool', round: round(pool) },
      theirs: { name: 'nodemailer', round: round(nodemailer) },
    })
  } finally {
    await Promise.all([pool.close(), nodemailer.close(), sink.close()])
  }
}
