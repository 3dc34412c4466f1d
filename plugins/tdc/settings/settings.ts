import type { CleanRule } from './clean-rules'
import type { IncomingDomains } from './incoming'
import type { FIXED } from './keys'
import type { Machines } from './levels'
import type { PolicyTable } from './policies'
import type { SectionValues } from './section'

/** `journal`: wrapped, the original as `message/rfc822`; `bcc`: the original with X-CSE headers on top. */
export type CopyFormat = 'journal' | 'bcc'

/** An intake address as the settings hold it: parsed, its domain in ASCII and lower case. */
export interface Intake {
  /** `user@domain`, the form that RCPT TO carries. */
  readonly address: string
  readonly domain: string
  readonly format: CopyFormat
}

/** Whether copies are made on this machine, where that was decided, and where they go by default. */
export interface Effective {
  readonly enabled: boolean
  /** The level that decided, such as `cluster`, `group=edge`, `disabled by machine=mx2 (shared settings)`. */
  readonly level: string
  /** The default intake; undefined only while disabled or when every policy has its own. */
  readonly intake: Intake | undefined
  readonly intakeLevel: string | undefined
}

type Of<S extends keyof typeof FIXED> = SectionValues<(typeof FIXED)[S]>

export type DeliverySettings = Of<'delivery'> & {
  readonly timeouts: Of<'timeouts'>
  readonly tls: Omit<Of<'tls'>, 'caFile' | 'clientCertificate' | 'clientKey' | 'pin'> & {
    /** PEM text of the trusted roots in place of Node's own; undefined: Node's. */
    readonly ca: string | undefined
    /** PEM texts of our own certificate and its key; undefined: none. */
    readonly client: { readonly cert: string; readonly key: string } | undefined
    /** SHA-256 of public keys one of which the server must have, in base64. Default: any key. */
    readonly pins: readonly string[]
  }
}

type QueueSettings = Of<'queue'>
/** Below these no copy is written: that is a failure of its journaling. 0: no limit. */
export type QueueLimits = Pick<QueueSettings, 'minFreeSpace' | 'minFreeInodes' | 'maxCopies'>
export type FailedSettings = Of<'failed'>

export type StatusPageSettings = Omit<Of<'status_page'>, 'hosts'> & {
  /** Names that the Host header may have, the server's own among them; ASCII, lower case. */
  readonly hosts: ReadonlySet<string>
}

export type ClusterSettings = Of<'cluster'> & {
  /** This machine's name, the one that the levels have for it if they have one. */
  readonly machine: string
}

/**
 * Everything that config/tdc.ini says, validated; one immutable value that a reload swaps whole. Sections
 * are as their keys say (keys.ts), durations in milliseconds; what is more than one key is made of them.
 */
export interface Settings {
  readonly effective: Effective
  readonly machines: Machines
  readonly incoming: IncomingDomains
  readonly policies: PolicyTable
  /** Every intake of some level or policy. */
  readonly intakes: readonly Intake[]
  /** Every address that is an intake of some level or policy, lower case: mail to them is never copied. */
  readonly intakeAddresses: ReadonlySet<string>
  /** With any of these a message is not clean, though it is delivered. Default: none. */
  readonly unless: readonly CleanRule[]
  readonly main: Of<'main'>
  readonly delivery: DeliverySettings
  readonly journal: Of<'journal'>
  readonly queue: QueueSettings
  readonly failed: FailedSettings
  readonly monitor: Of<'monitor'>
  readonly statusPage: StatusPageSettings
  readonly cluster: ClusterSettings
}

/** The outcome of reading: settings, or every sentence that says what is wrong. */
export type ReadResult =
  | { readonly kind: 'settings'; readonly settings: Settings; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
