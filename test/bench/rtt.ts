import { startPostfix, whatIsMissing } from '../support/postfix'
import { compare } from './compare'
import { startDelay } from './delay'
import type { Figure } from './figure'
import { makeSender, type Sender } from './sender'
import { INTAKE_HOST, intakeTrust } from './trust'

const MESSAGES = 100
const ROUNDS = 5
/** Each way. */
const DELAY = 20

/** A Postfix that throws away what it took. */
export const DISCARDING = {
  myhostname: 'intake.example',
  mynetworks: '',
  relay_domains: 'intake.example',
  relay_transport: 'discard:',
  smtpd_relay_restrictions: 'permit_auth_destination, reject',
  smtpd_tls_security_level: 'encrypt',
}

/**
 * One connection at 40 ms round trip to a Postfix that throws away what it took. The connection
 * stands when the clock starts, and stays: what opening costs is the same for everybody.
 */
export async function rtt40(): Promise<Figure | undefined> {
  const missing = whatIsMissing()
  if (missing !== undefined) {
    console.log(`rtt-40: not run: ${missing}`)
    return undefined
  }
  const trust = await intakeTrust()
  const postfix = await startPostfix({ ...trust, settings: DISCARDING })
  const delay = await startDelay({ host: INTAKE_HOST, port: postfix.port, milliseconds: DELAY })
  const target = {
    host: INTAKE_HOST,
    port: delay.port,
    ca: trust.ca,
    connections: 1,
    messagesPerConnection: 10 * MESSAGES,
  }
  const [pool, nodemailer] = [makeSender('pool', target), makeSender('nodemailer', target)]
  const round = (sender: Sender) => async () => {
    const { seconds } = await sender.send(MESSAGES, 1)
    return MESSAGES / seconds
  }
  try {
    return await compare({
      name: 'rtt-40',
      unit: 'messages/s per connection',
      rounds: ROUNDS,
      ours: { name: 'pool', round: round(pool) },
      theirs: { name: 'nodemailer', round: round(nodemailer) },
    })
  } finally {
    await Promise.all([pool.close(), nodemailer.close(), delay.close()])
    await postfix.close()
  }
}
