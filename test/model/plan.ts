/** What is drawn: a gateway with all that stands in it, and the mail of its clients. */

/** The plugins of a gateway, and how they are set. */
export interface Gateway {
  /** Repeats this gateway and its sessions. */
  readonly seed: number
  readonly way: Way
  /** What knows the domains of ours. */
  readonly accepts: 'host_list' | 'host_list_regex' | 'smtp_forward.ini'
  /** smtp_forward.ini has sections for the domains, some of servers that are down. */
  readonly perDomain: boolean
  readonly aliases: boolean
  /** The plugin relay accepts mail for `partner.example`. */
  readonly partners: boolean
  /** smtp_forward has enable_outbound. */
  readonly forwardsRelayed: boolean
  readonly quarantine: boolean
  readonly discard: boolean
  readonly policies: 'everybody' | 'lists'
  readonly tempfail: boolean
}

/** How an original goes on from here. */
export type Way =
  | 'smtp_forward'
  | 'smtp_forward, one message per recipient'
  | 'smtp_proxy'
  | 'smtp_bridge'
  | 'lmtp'
  | 'a plugin of its own'
  /** The same, in front of the connector. */
  | 'a plugin before all'

export interface Mail {
  /** In MAIL FROM and Subject: each original and each copy shows whose it is. */
  readonly id: string
  /** A client of 127.0.0.2 may relay. */
  readonly relayClient: boolean
  readonly to: readonly string[]
  readonly mark: Mark
  /** What the next hop does; of the plugins of its own: what they do. */
  readonly end: HopEnd | PluginEnd
  readonly leaves: Leaves
}

/** What a scanner notes. */
export const MARKS = [
  'nothing',
  'quarantine',
  'quarantine, action DENY',
  'quarantine, action OK',
  'discard',
  'connection quarantine',
  'connection discard',
  'queue.wants quarantine',
  'queue.wants discard',
  'queue.wants smtp_forward',
  'discard while queueing',
  'quarantine while queueing',
] as const
export type Mark = (typeof MARKS)[number]

export const HOP_ENDS = [
  'takes',
  'refuses MAIL',
  'defers MAIL',
  'refuses DATA',
  'refuses message',
  'defers message',
  'closes at MAIL',
  'closes at RCPT',
  'closes at DATA',
  'closes in message',
  'closes after taking',
  'closes after the dot',
  'late at RCPT',
  'late after taking',
  'late to refuse',
] as const
export type HopEnd = (typeof HOP_ENDS)[number]

export const PLUGIN_RESULTS = [
  'OK',
  'CONT',
  'DENY',
  'DENYSOFT',
  'DENYDISCONNECT',
  'DENYSOFTDISCONNECT',
  'STOP',
  'throw',
  'hang',
] as const
export interface PluginEnd {
  readonly result: (typeof PLUGIN_RESULTS)[number]
  readonly delivers: 'all' | 'first' | 'none'
}

/** When the client hangs up. */
export const LEAVES = [
  'never',
  'before the message',
  'in the message',
  'after the dot',
  'soon after the dot',
] as const
export type Leaves = (typeof LEAVES)[number]

/** One connection. A mail that is deferred comes a second time. */
export interface Session {
  readonly relayClient: boolean
  readonly mails: readonly Mail[]
}

/** `ours.example` and its like are received for in each gateway, whatever it knows them by. */
export const OURS = ['ours.example', 'second.example'] as const
/** Of smtp_forward.ini: nothing listens, and every connection is closed at once. */
export const DOWN = ['down.example', 'mute.example'] as const
export const PARTNER = 'partner.example'
export const AWAY = 'away.example'

/** aliases.json: an address that is not asked for again, and what stands in its place. */
export const ALIASES: Readonly<Record<string, readonly string[]>> = {
  'sales@ours.example': ['team@ours.example'],
  'list@ours.example': ['vip@ours.example', 'carol@second.example'],
  'secret@ours.example': ['dave@ours.example'],
  'away@ours.example': ['guest@away.example'],
  // Dropped: noted for queue/discard.
  'nobody@ours.example': [],
}

/** The lists of tdc.ini: one policy for an intake of its own, one for no copy. */
export const VIPS = ['vip@ours.example', 'sales@ours.example']
export const NOT_COPIED = ['nocopy@ours.example', 'secret@ours.example']

export const INTAKE = 'journal@scan.example'
export const VIP_INTAKE = 'vip@vip.example'

/** Seconds that Haraka gives a plugin, and milliseconds by which the next hop is later than that. */
export const PLUGIN_TIMEOUT = 3
export const LATE = PLUGIN_TIMEOUT * 1000 + 1500

/** Where a client that may relay comes from. */
export const RELAY_CLIENT = '127.0.0.2'
