import { createTransport } from 'nodemailer'
import type { Sending, Target } from './sending'

/** Nodemailer's pool; the message goes as the Buffer it is, nothing is composed. */
export function nodemailerSending(target: Target): Sending {
  const { host, port, ca, connections, messagesPerConnection } = target
  const transport = createTransport({
    pool: true,
    host,
    port,
    name: 'gateway.example',
    maxConnections: connections,
    maxMessages: messagesPerConnection,
    requireTLS: true,
    tls: { ca, minVersion: 'TLSv1.2' },
    logger: false,
  })
  return {
    async send({ raw, reversePath, recipient }) {
      await transport.sendMail({ raw, envelope: { from: reversePath, to: [recipient] } })
    },
    close: async () => transport.close(),
  }
}
