import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Haraka's untyped API, described structurally by the members that are used here and by no others.
 * Taken from Haraka 3.3.4; contract.ts checks at start what can be missing.
 */

/** Ends a hook. No code means: go on with the next plugin; with DELAY comes a number of seconds. */
export type Next = (code?: number, message?: string | number) => void

export interface HarakaAddress {
  /** Empty or null in the null reverse-path. */
  readonly user: string | null
  /** ASCII, lower case. */
  readonly host: string | null
  /** The text that it was parsed from. */
  readonly original?: string
  /** `<user@host>` as it was received. */
  format(): string
}

/** What node's `pipe` uses of a destination. */
export interface PipeDestination extends EventEmitter {
  /** False: nothing more until `drain`. */
  write(chunk: Buffer): boolean
  end(): void
}

/** haraka-message-stream: the message as it came, in memory or spooled to disk. */
export interface MessageStream {
  /** Throws while another pipe of the same stream is running. */
  pipe(destination: PipeDestination, options: { ending_dot: boolean }): unknown
  unpipe(): void
}

export interface Header {
  get_all(name: string): readonly string[]
  /** Every field as it stands, line end included. */
  lines(): readonly string[]
}

export interface Notes {
  readonly [key: string]: unknown
  get(path: string): unknown
}

export interface ResultStore {
  /** By plugin. */
  get_all?(): Readonly<Record<string, unknown>>
  add(plugin: HarakaPlugin, result: { skip: string }): void
}

export interface Transaction {
  readonly uuid: string
  readonly mail_from: HarakaAddress
  readonly rcpt_to: readonly HarakaAddress[]
  /** Of the RCPT commands that were answered. */
  readonly rcpt_count: {
    readonly accept: number
    readonly tempfail: number
    readonly reject: number
  }
  readonly header: Header
  /** As they came, behind a Received of Haraka's own. */
  readonly header_lines: readonly string[]
  readonly message_stream: MessageStream
  /** Octets received in DATA. */
  readonly data_bytes: number
  readonly notes: Notes
  readonly results: ResultStore
  /** What the client was told; undefined while it was told nothing. */
  readonly msg_status?: 'accepted' | 'rejected' | 'deferred'
}

/** What is asked of another plugin. */
export interface QueuePlugin {
  readonly name: string
  readonly plugin_path?: string
  /** The plugins that it `inherits`, by name. */
  readonly base?: Readonly<Record<string, QueuePlugin>>
}

/** One plugin's turn in a hook; once it has begun, a function that cancels it is the third. */
export type HookTurn = readonly [plugin: QueuePlugin, method: string, cancel?: unknown]

/** Core's smtp_client, which plugins hand messages on with, as far as it is listened to. */
export interface SmtpClient {
  /** The command that the next reply is for; `dot`: the message's end. */
  readonly command: string
  readonly socket: {
    on(event: 'close', listener: () => void): unknown
    on(event: 'pipe', listener: (content: EventEmitter) => void): unknown
  }
  on(event: 'client_protocol' | 'server_protocol', listener: (line: unknown) => void): unknown
}

export interface Connection {
  readonly transaction: Transaction | null
  /** The hook that runs, or ran last; whose turn it is; and whose turns are to come. */
  readonly hook?: string
  readonly current_hook?: HookTurn | null
  readonly hooks_to_run?: readonly HookTurn[]
  /** Of the transaction once a plugin has set it there, else of the connection. */
  readonly relaying: boolean
  readonly remote: { readonly ip: string }
  readonly notes: Record<string, unknown>
  readonly results?: ResultStore
}

/** Parameters of the `deny` hook: code, message, plugin, method, params, hook. */
export type DenyParams = readonly [number, unknown, string, string, unknown, string]

/** A queue item that Haraka has loaded (outbound/hmail.js). */
export interface LoadedItem {
  readonly path: string
  readonly filename: string
  readonly file_size: number
  readonly data_start: number
  readonly todo: {
    readonly uuid: string
    readonly domain: string
    readonly queue_time: number
    readonly notes: { readonly tdc?: unknown }
  } | null
  hooks_to_run?: unknown[]
  current_hook?: unknown[] | null
  next_cb?: () => void
}

type HttpHandler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

/** Haraka's server once it listens for HTTP; the app is express's, which the operator installs. */
export interface HttpServer {
  readonly http: { readonly app: { use(handler: HttpHandler): unknown } }
}

export interface HarakaConfig {
  get(name: string, type: 'ini', reloaded?: () => void): Record<string, Record<string, unknown>>
  get(name: string, type: 'list', reloaded?: () => void): string[]
  get(name: string, type: 'value', reloaded?: () => void): string | null
  get(name: string, type: 'binary', reloaded?: () => void): Buffer | null
}

type LogMethod = (text: string, fields: Record<string, unknown>) => void

/** `this` of every hook. */
export interface HarakaPlugin {
  readonly name: string
  /** Seconds a hook may take; 0: no limit. */
  readonly timeout: number
  readonly config: HarakaConfig
  register_hook(hook: string, method: string, priority?: number): void
  /** Takes over what another plugin has; throws when there is none of that name. */
  inherits(name: string): void
  /** Requires one of Haraka's own modules by its path below Haraka's folder. */
  haraka_require(path: string): unknown
  readonly logdebug: LogMethod
  readonly loginfo: LogMethod
  readonly logwarn: LogMethod
  readonly logerror: LogMethod
}
