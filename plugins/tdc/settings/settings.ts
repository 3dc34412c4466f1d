import type { CleanRule } from './clean-rules'
import type { IncomingDomains } from './incoming'
import type { Machines } from './levels'
import type { PolicyTable } from './policies'

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

export interface DeliverySettings {
  /** A host and port in place of MX look-ups, for a lab; undefined: DNS. */
  readonly route: { readonly host: string; readonly port: number } | undefined
  /** TCP port of the MX hosts. Default 25. */
  readonly port: number
  /** MX hosts may have addresses that are not public, or our own. Default false. */
  readonly allowPrivate: boolean
  /** Name for EHLO; undefined: the server's own (config/me). */
  readonly helo: string | undefined
  /** Local address to connect from; undefined: the system's choice. */
  readonly localAddress: string | undefined
  /** Reverse-path without brackets; '' (the default) is the null one. */
  readonly envelopeFrom: string
  /** Connections opened when there are entries. Default 3 [spec 5.3]. */
  readonly minConnections: number
  /** Most connections per intake domain and worker. Default 50. */
  readonly maxConnections: number
  /** Most connections of all intakes and workers; undefined (the default): by the descriptors. */
  readonly maxConnectionsTotal: number | undefined
  /** Messages over one connection before it is closed. Default 50. */
  readonly messagesPerConnection: number
  /** Messages on their way over one connection with CHUNKING. Default 8. */
  readonly window: number
  /** Milliseconds that an idle connection is kept. Default 5 s; 0 closes at once. */
  readonly idleTimeout: number
  /** Milliseconds before a retry. Default 30 s. */
  readonly retryDelay: number
  /** Milliseconds a copy may stay in the queue. Default 120 s [spec 5.5]. */
  readonly maxAge: number
  /** Time while the gateway was down counts for the age. Default false. */
  readonly maxAgeCountsDowntime: boolean
  readonly timeouts: TimeoutSettings
  readonly tls: TlsSettings
}

/** Milliseconds, per phase of the conversation; all are cut to what is left of the copy's life. */
interface TimeoutSettings {
  readonly connect: number
  readonly greeting: number
  readonly tls: number
  /** EHLO, MAIL, RCPT and the reply to DATA. */
  readonly command: number
  /** Between two steps of progress while the message is written. */
  readonly data: number
  /** From the final dot to the reply. */
  readonly final: number
}

interface TlsSettings {
  /** Chain and host name are verified. Default true. */
  readonly verify: boolean
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** PEM text of the trusted roots in place of Node's own; undefined: Node's. */
  readonly ca: string | undefined
  /** PEM texts of our own certificate and its key; undefined: none. */
  readonly client: { readonly cert: string; readonly key: string } | undefined
  /** SHA-256 of public keys one of which the server must have, in base64. Default: any key. */
  readonly pins: readonly string[]
  /** Host names, or `*.` and a name for one label more. Default: any. */
  readonly names: readonly string[]
  /** The intake domain's MTA-STS policy is enforced. Default true. */
  readonly mtaSts: boolean
  /** Default auto: TLSA records decide where the resolver is trusted. */
  readonly dane: 'off' | 'auto' | 'require'
  /** A validating DNS server that is trusted; undefined: that of resolv.conf, if it is on this machine. */
  readonly resolver: { readonly address: string; readonly port: number } | undefined
}

interface JournalSettings {
  /** Name of this gateway in the reports; undefined: config/me. */
  readonly gateway: string | undefined
  /** From header of the report; undefined: `"Journal" <postmaster@GATEWAY>`. */
  readonly from: string | undefined
  /** Value of X-MS-Journal-Report; may be empty. Default `journal`. */
  readonly markerValue: string
  /** Header that names the client's IP in the copy; undefined: none. Default X-IronPort-RemoteIP. */
  readonly remoteIpHeader: string | undefined
  /** What becomes of a CR without LF. Default as_postfix. */
  readonly bareCr: 'as_postfix' | 'crlf' | 'refuse'
  /** What is refused for its content is sent once more, the original as a file. Default false. */
  readonly fallback: boolean
}

/** Below these no copy is written: that is a failure of its journaling. 0: no limit. */
export interface QueueLimits {
  /** Octets free on the disk of the queue. Default 100 MB. */
  readonly minFreeSpace: number
  /** Default 1000. */
  readonly minFreeInodes: number
  /** Copies in one process. Default 100,000, which is 500 MB of memory at 5 KB each. */
  readonly maxCopies: number
}

/** What becomes of copies that are given up. */
export interface KeepSettings {
  /** Default false: they are removed. */
  readonly keep: boolean
  /** Default off. `auto`: those of an outage go again by themselves when the intake is back. */
  readonly replay: 'off' | 'auto'
  /** Most of them. Default 20,000. */
  readonly number: number
  /** Octets of their files. Default 1 GB. */
  readonly bytes: number
  /** Milliseconds. Default 7 days. */
  readonly age: number
}

export interface StatusPageSettings {
  readonly enabled: boolean
  /** Begins with a slash and does not end with one. Default /tdc. */
  readonly path: string
  /** What every client must show; undefined: only clients on this machine are served. */
  readonly token: string | undefined
  /** Default false: of addresses only the domain is shown. */
  readonly showAddresses: boolean
  /** Names that the Host header may have, the server's own among them; ASCII, lower case. */
  readonly hosts: ReadonlySet<string>
}

/** What this machine has in common with others through Redis. */
export interface ClusterSettings {
  /** Default false. */
  readonly redis: boolean
  /** Begins the names of the keys. Default tdc. */
  readonly prefix: string
  /** This machine's name, the one that the levels have for it if they have one. */
  readonly machine: string
  /** Default false: of addresses only the domain. */
  readonly shareAddresses: boolean
}

/** Everything that config/tdc.ini says, validated; one immutable value that a reload swaps whole. */
export interface Settings {
  readonly effective: Effective
  readonly machines: Machines
  readonly serviceName: string
  readonly onJournalFailure: 'accept' | 'tempfail'
  /** Where copies wait. Default local. */
  readonly store: 'local' | 'redis'
  /** That have a copy in Redis before its original is queued. Default 0. */
  readonly replicas: number
  /** Where copies are written ahead on this machine. Default file. */
  readonly writeAhead: 'log' | 'file'
  /** Milliseconds for writing the copies of one message before that counts as a failure. */
  readonly prepareTimeout: number
  readonly incoming: IncomingDomains
  readonly policies: PolicyTable
  /** Every intake of some level or policy. */
  readonly intakes: readonly Intake[]
  /** Every address that is an intake of some level or policy, lower case: mail to them is never copied. */
  readonly intakeAddresses: ReadonlySet<string>
  readonly delivery: DeliverySettings
  readonly journal: JournalSettings
  readonly limits: QueueLimits
  readonly failed: KeepSettings
  /** With any of these a message is not clean, though it is delivered. Default: none. */
  readonly unless: readonly CleanRule[]
  /** Messages that tracking keeps in each process. Default 10,000; 0: none. */
  readonly track: number
  readonly statusPage: StatusPageSettings
  readonly cluster: ClusterSettings
}

/** The outcome of reading: settings, or every sentence that says what is wrong. */
export type ReadResult =
  | { readonly kind: 'settings'; readonly settings: Settings; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
