import { setTimeout as sleep } from 'node:timers/promises'
import { SmtpClient } from '../support/smtp-client'
import type { Machine } from './machines'

export interface Sent {
  readonly subject: string
  readonly messageId: string
  readonly machine: string
  /** When its final dot was sent, on the monotonic clock. */
  readonly at: number
  told: 'accepted' | 'refused' | 'nothing'
  /** Milliseconds from the final dot to the reply. */
  took: number
}

/** Milliseconds from one mail of a client to its next, if that one does not last longer. */
const PACE = 120

/** Mail to every machine, until it is stopped. */
export class Traffic {
  readonly sent: Sent[] = []
  private over = false
  private clients: Promise<unknown> = Promise.resolve()

  start(machines: readonly Machine[]): void {
    this.over = false
    this.clients = Promise.all(machines.map((machine) => this.client(machine)))
  }

  async stop(): Promise<void> {
    this.over = true
    await this.clients
  }

  private async client(machine: Machine): Promise<void> {
    while (!this.over) {
      const began = performance.now()
      await this.send(machine)
      await sleep(Math.max(0, began + PACE - performance.now()))
    }
  }

  /** Never rejects: a machine that is killed tells nothing. */
  private async send({ name, server }: Machine): Promise<void> {
    const number = this.sent.length
    const [subject, messageId] = [`cluster ${number}`, `<${number}@cluster.test>`]
    const mail: Sent & { at: number } = {
      subject,
      messageId,
      machine: name,
      at: performance.now(),
      told: 'nothing',
      took: 0,
    }
    this.sent.push(mail)
    try {
      const client = await SmtpClient.connect({ port: server.port })
      await client.begin({ from: 'alice@example.net', to: ['bob@example.com'] })
      mail.at = performance.now()
      const text = `Subject: ${subject}\r\nMessage-ID: ${messageId}\r\n\r\nBody of ${number}.\r\n`
      const { code } = await client.end(Buffer.from(text))
      mail.took = performance.now() - mail.at
      mail.told = code === 250 ? 'accepted' : 'refused'
      void client.quit().catch(() => {})
    } catch {
      // The ledgers decide what became of it.
    }
  }
}
