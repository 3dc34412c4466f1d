import type { Envelope } from './envelope-commands'
import type { Loss } from './loss'
import type { SmtpCommand, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import type { Judged, Verb } from './heard'
import type { Line, Wire } from './wire'

/** How one message ended on the wire. `begun`: the intake may have had all of it. */
export type Transmission =
  | { kind: 'accepted'; reply: Reply }
  | { kind: 'refused'; begun: boolean; command: SmtpCommand; reply: Reply }
  | { kind: 'lost'; begun: boolean; failure: Loss }
  /** The intake does not keep what it offers: BDAT, or hearing what stands behind a message. */
  | { kind: 'unfit'; why: string }

export type Commands = Extract<Envelope, { kind: 'commands' }>

/** A way to put one message on the wire. */
export interface Transmit {
  /** Messages that may wait for their replies at a time. */
  readonly window: number
  /** RSET is written where a message needs it, so that none more is needed after one that was refused. */
  readonly resets: boolean
  /** By BDAT, which may be refused for other reasons than the message. */
  readonly inChunks: boolean
  readonly send: (wire: Wire, commands: Commands, message: Outgoing) => Promise<Transmission>
  /** Its connection is gone. */
  readonly ended?: () => void
}

export const RSET: Line<'RSET'> = ['RSET', 'RSET']

export function envelope({ mail, rcpt }: Commands): Line<'MAIL' | 'RCPT'>[] {
  return [
    ['MAIL', mail],
    ['RCPT', rcpt],
  ]
}

/** The first step that failed, of commands before the message and its first chunk. */
export function refusedBy(steps: readonly Judged<Verb>[]): Transmission | undefined {
  const failed = steps.find(({ kind }) => kind !== 'passed')
  if (!failed || failed.kind === 'passed') return undefined
  if (failed.kind === 'lost') return { kind: 'lost', begun: false, failure: failed.failure }
  const command = failed.command === 'CHUNK' ? 'BODY' : (failed.command as SmtpCommand)
  return { kind: 'refused', begun: false, command, reply: failed.reply }
}

export function endedBy(step: Judged): Transmission {
  switch (step.kind) {
    case 'passed':
      return { kind: 'accepted', reply: step.reply }
    case 'refused':
      return { kind: 'refused', begun: true, command: step.command, reply: step.reply }
    case 'lost':
      return { kind: 'lost', begun: !step.isUnsent, failure: step.failure }
  }
}
