import { type Postfix, startPostfix, whatIsMissing } from '../support/postfix'
import { within } from '../support/within'
import { compare } from './compare'
import type { Figure } from './figure'
import { benchMessages } from './message'
import { nodemailerSending } from './nodemailer-sending'
import { runQueue } from './queue-run'
import { ALL_KEYWORDS, type Sink, startSink } from './sink'
import { INTAKE_HOST, intakeTrust, type Trust } from './trust'

const MESSAGES = 3_000
const ROUNDS = 5
const CONNECTIONS = 20
const DEADLINE = 60_000

/**
 * A Haraka with 3,000 copies in its queue directory, from the moment it begins to load them, and a
 * Postfix with 3,000 messages in its deferred queue, from `postqueue -f`. Postfix reuses its
 * connections for as long as it likes, the connector for 50 messages.
 */
export async function deliverPostfix(): Promise<Figure | undefined> {
  const missing = whatIsMissing()
  if (missing !== undefined) {
    console.log(`deliver-postfix: not run: ${missing}`)
    return undefined
  }
  const trust = await intakeTrust()
  const { certificate, ca } = trust
  const sink = await startSink({ tls: certificate, keywords: ALL_KEYWORDS, host: INTAKE_HOST })
  const postfix = await startSender(trust, sink.port)
  const run = {
    owner: 'connector' as const,
    messages: MESSAGES,
    connections: CONNECTIONS,
    sink,
    ca,
  }
  try {
    return await compare({
      name: 'deliver-postfix',
      unit: 'messages/s',
      rounds: ROUNDS,
      warmUp: false,
      ours: { name: 'connector', round: async () => MESSAGES / (await runQueue(run)) },
      theirs: { name: 'postfix', round: async () => MESSAGES / (await flush(postfix, sink, ca)) },
    })
  } finally {
    await Promise.all([postfix.close(), sink.close()])
  }
}

function startSender(trust: Trust, port: number): Promise<Postfix> {
  const nextHop = `[${INTAKE_HOST}]:${port}`
  const settings = {
    myhostname: 'gateway.example',
    mynetworks: '127.0.0.0/8',
    relayhost: nextHop,
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    smtpd_recipient_restrictions: 'check_recipient_access static:HOLD, permit_mynetworks, reject',
    smtpd_tls_security_level: 'may',
    smtp_tls_security_level: 'encrypt',
    smtp_tls_connection_reuse: 'yes',
    smtp_connection_cache_on_demand: 'yes',
    smtp_connection_cache_destinations: nextHop,
    default_destination_concurrency_limit: String(CONNECTIONS),
    initial_destination_concurrency: String(CONNECTIONS),
    smtp_line_length_limit: '0',
    disable_mime_output_conversion: 'yes',
    in_flow_delay: '0',
  }
  return startPostfix({ ...trust, settings })
}

/** Seconds until the intake has all that Postfix held. */
async function flush(postfix: Postfix, sink: Sink, ca: string): Promise<number> {
  await fill(postfix, ca)
  await postfix.command('postsuper', '-H', 'ALL')
  const before = await sink.count()
  const start = performance.now()
  await postfix.command('postqueue', '-f')
  const what = () => `${MESSAGES} messages delivered by Postfix\n${tail(postfix.log())}`
  await within(DEADLINE, what, sink.until(before + MESSAGES))
  return (performance.now() - start) / 1000
}

/** Messages come in and are held. */
async function fill({ port }: Postfix, ca: string): Promise<void> {
  const sending = nodemailerSending({
    host: INTAKE_HOST,
    port,
    ca,
    connections: CONNECTIONS,
    messagesPerConnection: MESSAGES,
  })
  await Promise.all(benchMessages(MESSAGES).map((message) => sending.send(message)))
  await sending.close()
}

function tail(log: string): string {
  return log.split('\n').slice(-20).join('\n')
}
