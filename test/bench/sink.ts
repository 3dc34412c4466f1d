import { join } from 'node:path'
import type { KeyAndCertificate } from '../support/certificates'
import { Program } from './program'

export interface SinkOptions {
  /** With it, STARTTLS is offered; what comes without it is taken all the same. */
  readonly tls?: KeyAndCertificate | undefined
  /** EHLO keywords besides STARTTLS, such as `PIPELINING`, `CHUNKING` or `SIZE 52428800`. */
  readonly keywords: readonly string[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default: any free one. */
  readonly port?: number
}

/** What the sink's process is asked. */
export type SinkQuestion =
  { ask: 'listen'; options: SinkOptions } | { ask: 'count' } | { ask: 'until'; count: number }

/** An SMTP server in a process of its own that takes every message and keeps none. */
export interface Sink {
  readonly port: number
  readonly pid: number
  /** Messages taken so far. */
  count(): Promise<number>
  /** Resolves when so many messages were taken since the start. */
  until(count: number): Promise<void>
  close(): Promise<void>
}

/** What a modern server offers. */
export const ALL_KEYWORDS = ['PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'SIZE 104857600']

export async function startSink(options: SinkOptions): Promise<Sink> {
  const program = new Program(join(__dirname, 'sink-process.ts'))
  const ask = <Answer>(question: SinkQuestion) => program.ask<Answer>(question)
  try {
    const port = await ask<number>({ ask: 'listen', options })
    return {
      port,
      pid: program.pid,
      count: () => ask<number>({ ask: 'count' }),
      until: (count) => ask<void>({ ask: 'until', count }),
      close: () => program.end(),
    }
  } catch (error) {
    await program.end()
    throw error
  }
}
