import { startAiosmtpd, startQpsmtpd, startSmtpServer } from './small'
import { startCourier } from './courier'
import { startExim } from './exim'
import { startHarakaIntake } from './haraka-intake'
import type { Kind } from './mails'
import type { Place } from './place'
import { startPostfixIntake } from './postfix-intake'
import { startSendmail } from './sendmail'

/** How a server goes away and comes back. */
export interface Restart {
  /** To all its processes; by default they are told to end. */
  readonly signal?: 'SIGTERM' | 'SIGKILL'
  /** Only its first process is told; those that it started for connections go on. */
  readonly firstAlone?: true
  /** Milliseconds. */
  readonly awayFor?: number
}

/** A server that runs; or why it cannot be run here, in one sentence. */
export type IntakeServer =
  | {
      readonly daemon: { stop(): Promise<void>; restart(how?: Restart): Promise<void> }
      /** Nothing that it took waits in a queue of its own; by default so. */
      readonly isSettled?: () => boolean
      /** By its own log it took the message with this Message-ID; where it has no log, nobody knows. */
      readonly hasTaken?: (messageId: string) => boolean
    }
  | string

/** One intake of the laboratory, and what is expected of it. */
export interface IntakeKind {
  /** PIPELINING and CHUNKING, as its EHLO offers them. */
  readonly offers: string
  /** Messages that it refuses whichever way they come. */
  readonly refuses?: readonly Kind[]
  /** Messages that it stores in another form than it took them. */
  readonly changes?: readonly Kind[]
  readonly start: (place: Place) => Promise<IntakeServer>
}

const BOTH = 'PIPELINING CHUNKING'

const COURIER = {
  offers: 'PIPELINING',
  refuses: ['very long line'],
  // It writes parts anew.
  changes: ['NUL', 'multipart'],
} as const

export const INTAKES: Readonly<Record<string, IntakeKind>> = {
  exim: {
    offers: BOTH,
    start: (place) => startExim(place, { main: ['smtp_accept_max = 200'] }),
  },
  'exim as it comes': { offers: BOTH, start: (place) => startExim(place) },
  'exim, 5 messages': {
    offers: BOTH,
    start: (place) =>
      startExim(place, { main: ['smtp_accept_max = 200', 'smtp_accept_max_per_connection = 5'] }),
  },
  postfix: { offers: BOTH, start: (place) => startPostfixIntake(place) },
  'postfix, strict': {
    offers: BOTH,
    start: (place) =>
      startPostfixIntake(place, {
        smtpd_data_restrictions: 'reject_unauth_pipelining',
        smtpd_hard_error_limit: '3',
        smtpd_soft_error_limit: '2',
        smtpd_helo_required: 'yes',
        strict_rfc821_envelopes: 'yes',
      }),
  },
  'postfix, TLS 1.2': {
    offers: BOTH,
    start: (place) =>
      startPostfixIntake(place, {
        smtpd_tls_mandatory_protocols: 'TLSv1.2',
        smtpd_tls_ask_ccert: 'yes',
      }),
  },
  'postfix, no CHUNKING': {
    offers: 'PIPELINING',
    start: (place) =>
      startPostfixIntake(place, { smtpd_discard_ehlo_keywords: 'chunking, silent-discard' }),
  },
  'postfix, bare': {
    offers: '',
    start: (place) =>
      startPostfixIntake(place, {
        smtpd_discard_ehlo_keywords: 'chunking, pipelining, silent-discard',
      }),
  },
  'postfix, impatient': {
    offers: BOTH,
    start: (place) => startPostfixIntake(place, { smtpd_timeout: '2s' }),
  },
  sendmail: { offers: 'PIPELINING', refuses: ['NUL'], start: (place) => startSendmail(place) },
  courier: { ...COURIER, start: (place) => startCourier(place, { connections: 100 }) },
  'courier, 5 connections': {
    ...COURIER,
    start: (place) => startCourier(place, { connections: 5 }),
  },
  aiosmtpd: { offers: '', refuses: ['very long line'], start: startAiosmtpd },
  qpsmtpd: { offers: 'PIPELINING', start: startQpsmtpd },
  'smtp-server': { offers: 'PIPELINING', start: startSmtpServer },
  // It breaks lines of more than 992 octets.
  haraka: {
    offers: 'PIPELINING',
    changes: ['long lines', 'very long line'],
    start: startHarakaIntake,
  },
}
