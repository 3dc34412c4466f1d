import type {
  Attempted,
  BounceResponse,
  Doubt,
  SharedChange,
  SharedTrouble,
  SkipReason,
  TdcEvent,
} from './events'
import { safeText as safe } from '../base/text'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export interface Line {
  readonly level: Level
  readonly text: string
}

type Kind = TdcEvent['kind']
type EventOf<K extends Kind> = Extract<TdcEvent, { kind: K }>
type Wording = { [K in Kind]: (event: EventOf<K>, service: string) => readonly string[] }
type Details = { [K in Kind]?: (event: EventOf<K>) => string }

/** The queue's destination name, whatever the intake address (spec 1.5). */
export const QUEUE_DOMAIN = 'the.tdc.queue'

const LEVELS: Partial<Record<Kind, Level>> = {
  'journal-failed': 'error',
  damaged: 'error',
  'hold-not-stored': 'error',
  'holds-unreadable': 'error',
  'not-kept': 'error',
  'not-dropped': 'error',
  'not-replayed': 'error',
  'not-adopted': 'error',
  unremovable: 'error',
  problem: 'error',
  'shared-trouble': 'warn',
  'shared-restored': 'warn',
  'shared-not-stored': 'error',
  'not-reported': 'warn',
  warning: 'warn',
  trouble: 'warn',
  'certificate-ends': 'warn',
  'certificate-wanted': 'warn',
  'sts-failed': 'warn',
  refused: 'warn',
  'out-of-descriptors': 'error',
}

const DOUBTS: Readonly<Record<Doubt, string>> = {
  unknown: 'the outcome of the original is not known',
  some: 'only some of the recipients have the original',
}

/**
 * Every line the connector writes, one function per event. The wording of the first groups is the
 * appliance's (spec 6), down to the missing space before `TLS Error.`; the others follow its style.
 * docs/log-reference.md lists them all.
 */
const WORDING: Wording = {
  // Only tracking tells of these two: what comes of them has a line of its own.
  decided: () => [],
  prepared: () => [],
  'original-refused': (e) => [
    `TDC: Message ${e.transaction} from <${safe(e.sender)}> refused: it has a bare CR (bare_cr=refuse)`,
  ],
  normalized: (e) => [
    `TDC: MID ${e.mid} has other line ends than its original, which has bare CR or LF (bare_cr)`,
  ],
  skipped: (e) => [
    `TDC: Message ${e.transaction} from <${safe(e.sender)}> not copied for ` +
      `${counted(e.recipients, 'recipient')}: ${skipText(e.reason)}`,
  ],

  enqueued: (e, service) => [
    `TDC: MID ${e.mid} with Message-ID '${safe(e.messageId)}' enqueued for forwarding to ${service} ` +
      `to the message intake address ${safe(e.intake)}`,
    ...(e.doubt ? [`TDC: MID ${e.mid} in doubt: ${DOUBTS[e.doubt]}, the copy is sent`] : []),
  ],
  loaded: (e) => [
    `TDC: MID ${safe(e.mid)} found in the queue for the message intake address ${safe(e.intake)}`,
  ],
  'token-refused': (e) => [
    `TDC: Message ${e.transaction} carries the token of a report and is none of ours: ${safe(e.why)}`,
  ],
  withdrawn: (e) => [`TDC: MID ${e.mid} withdrawn: ${e.why}`],
  'journal-failed': (e) => [
    `TDC: Message ${e.transaction} not copied to the message intake address ${safe(e.intake)}: ` +
      `${safe(e.why)} (on_journal_failure=${e.policy})`,
  ],
  damaged: (e) => [`TDC: Queue file ${safe(e.file)} set aside: ${safe(e.why)}`],
  vanished: (e) => [`TDC: MID ${safe(e.mid)} is no longer in the queue directory, not tried again`],
  unremovable: (e) => [
    `TDC: MID ${safe(e.mid)} is done but its queue file ${safe(e.file)} cannot be removed: ${safe(e.why)}`,
  ],

  dropped: (e) => [`TDC: MID ${safe(e.mid)} dropped on request`],
  held: (e) => [
    `TDC: Delivery to ${whereText(e)} held: ${counted(e.copies, 'copy', 'copies')} waiting`,
  ],
  released: (e) => [
    `TDC: Delivery to ${whereText(e)} released: ${counted(e.copies, 'copy', 'copies')} waited`,
  ],
  'hold-not-stored': (e) => [`TDC: The hold is not stored for a restart: ${safe(e.why)}`],
  'holds-unreadable': (e) => [`TDC: The holds cannot be read, nothing is held: ${safe(e.why)}`],

  kept: (e) => [`TDC: MID ${safe(e.mid)} kept for a replay`],
  'not-kept': (e) => [`TDC: MID ${safe(e.mid)} cannot be kept, it is removed: ${safe(e.why)}`],
  'kept-dropped': (e) => [`TDC: Kept copy MID ${safe(e.mid)} dropped: ${e.why}`],
  'not-dropped': (e) => [`TDC: Kept copy MID ${safe(e.mid)} cannot be dropped: ${safe(e.why)}`],
  replayed: (e) => [
    `TDC: MID ${safe(e.mid)} with Message-ID '${safe(e.messageId)}' replayed to the message intake ` +
      `address ${safe(e.intake)}: given up at ${moment(e.givenUpAt)} (${e.reason})`,
  ],
  'not-replayed': (e) => [`TDC: Kept copy MID ${safe(e.mid)} not replayed: ${safe(e.why)}`],

  adopted: (e) => [
    `TDC: MID ${safe(e.mid)} with Message-ID '${safe(e.messageId)}' adopted from ${safe(e.from)} for ` +
      `the message intake address ${safe(e.intake)}`,
  ],
  'not-adopted': (e) => [`TDC: Queue file ${safe(e.file)} not adopted: ${safe(e.why)}`],

  'dns-error': (e) => [
    `DNS Error ${safe(e.domain)} ${e.question ?? 'MX'} - ${e.result}${e.why === undefined ? '' : `: ${safe(e.why)}`}`,
  ],
  connected: (e) => [
    `TDC: New SMTP DCID ${e.dcid} interface ${e.local} address ${e.remote} port ${e.port}`,
  ],
  'tls-success': (e) => [`DCID ${e.dcid} TLS success protocol ${e.protocol} cipher ${e.cipher}`],
  'tls-failed': (e) => [
    `TDC: DCID ${e.dcid} TLS failed with ${safe(e.host)} address ${e.remote}: ${e.reason}: ${safe(e.text)}`,
  ],
  'certificate-wanted': (e) => [
    `TDC: DCID ${e.dcid} refused by ${safe(e.host)} of ${safe(e.domain)}, which asks for a client ` +
      `certificate ([tls] client_certificate is not set): ${safe(e.said)}`,
  ],
  'certificate-ends': (e) => [
    `TDC: The certificate of ${safe(e.host)} for the intake domain ${safe(e.domain)} ` +
      (e.days < 0 ? 'has ended, ' : `ends in ${counted(e.days, 'day')}, `) +
      moment(e.certificateEnd),
  ],
  'sts-policy': (e) => [
    `TDC: MTA-STS policy of ${safe(e.domain)}: mode ${e.mode}, mx ${safe(e.mx.join(', '))}, ` +
      `for ${e.seconds} seconds`,
  ],
  'sts-failed': (e) => [
    `TDC: MTA-STS policy of ${safe(e.domain)} cannot be had: ${e.reason}: ${safe(e.text)}; ` +
      (e.kept ? 'the one fetched before stays in force' : 'none is in force'),
  ],
  'sts-testing': (e) => [
    `TDC: DCID ${e.dcid} with ${safe(e.host)} is against the MTA-STS policy of ${safe(e.domain)} ` +
      `(mode testing): ${e.reason}: ${safe(e.text)}`,
  ],
  'connection-error': (e) => [
    `TDC: Connection Error: DCID ${e.dcid} domain: ${QUEUE_DOMAIN} IP: ${e.remote} port: ${e.port} ` +
      `details: ${e.details} interface: ${e.local} reason: ${safe(e.reason)}`,
  ],
  refused: (e) => [
    `TDC: ${counted(e.count, e.what.slice(0, -1))} refused by the intake ${safe(e.domain)}, no fault of a copy: ` +
      `IP: ${e.remote} port: ${e.port} reply: ${safe(e.reply)}`,
  ],
  'out-of-descriptors': (e) => [
    `TDC: No descriptor is left for connections (${counted(e.count, 'time')}): copies wait, none had an attempt; ` +
      `raise the limit of open files, or have fewer connections than ${e.most} (max_connections_total)`,
  ],
  'delivery-start': (e) => [`TDC: Delivery start DCID ${e.dcid} MID ${safe(e.mid)}`],

  delivered: (e, service) => [
    `TDC: MID ${safe(e.mid)} successfully delivered for scanning with ${service}.`,
    `Message finished MID ${safe(e.mid)} done`,
    `TDC: Message ${safe(e.mid)} was successfully delivered for scanning with ${service}.`,
  ],
  deferred: (e, service) => [
    `TDC: MID ${safe(e.mid)} delivery to ${service} deferred: DCID ${e.dcid} - ${bounceText(e.response)}, ` +
      `retry ${e.retry} of ${e.retries} in ${e.seconds} seconds`,
  ],
  'fell-back': (e, service) => [
    `TDC: MID ${safe(e.mid)} refused by ${service}: DCID ${e.dcid} - ${bounceText(e.response)}, ` +
      'sent once more with its original as a file (fallback)',
  ],
  'tls-error': (e, service) => [
    `TDC: MID ${safe(e.mid)} TLS failed: DCID ${e.dcid} - ${bounceText(e.response)}`,
    `TDC: MID ${safe(e.mid)} delivery failed to ${service}:TLS Error.`,
    `TDC: Message ${safe(e.mid)} delivery failed to ${service}: TLS Error.`,
  ],
  'hard-bounced': (e, service) => [
    `TDC: Hard bounced - ${bounceText(e.response)}`,
    `TDC: MID ${safe(e.mid)} delivery failed to ${service}: Hard Bounced.`,
    `Bounced: DCID ${e.dcid} MID ${safe(e.mid)} to RID 0 - Bounced by destination server with response: ` +
      bounceText(e.response),
    `TDC: Message ${safe(e.mid)} delivery failed to ${service}: Hard Bounced.`,
  ],
  expired: (e, service) => [
    `TDC: MID ${safe(e.mid)} expired after ${Math.round(e.age / 1000)} seconds in the queue: DCID ${e.dcid} - ` +
      bounceText(e.response),
    `TDC: MID ${safe(e.mid)} delivery failed to ${service}: Expired.`,
    `TDC: Message ${safe(e.mid)} delivery failed to ${service}: Expired.`,
  ],

  effective: (e) => [`TDC: ${safe(e.text)}`],
  'shared-changed': (e) => [
    `TDC: Shared settings revision ${e.revision} in force${e.change ? changeText(e.change) : ''}`,
  ],
  'shared-trouble': (e) => [
    `TDC: Shared settings: ${TROUBLES[e.trouble]}: ${safe(e.why)}; ${stayText(e.revision)}`,
  ],
  'shared-well': (e) => [
    `TDC: Shared settings: Redis and this machine agree on ${revisionText(e)}`,
  ],
  'shared-restored': (e) => [
    `TDC: Shared settings: ${safe(e.why)}; ${stayText(e.revision)} and is written back`,
  ],
  'shared-not-stored': (e) => [
    `TDC: Shared settings revision ${e.revision} not stored for a restart: ${safe(e.why)}`,
  ],
  'not-reported': (e) => [`TDC: Figures of this machine not written to Redis: ${safe(e.why)}`],
  'reported-again': () => ['TDC: Figures of this machine written to Redis again'],
  trouble: (e) => [`TDC: Trouble: ${safe(e.text)}`],
  'trouble-over': (e) => [`TDC: Trouble over: ${safe(e.what)}, after ${e.seconds} seconds`],
  problem: (e) => [`TDC: ${safe(e.text)}`],
  warning: (e) => [`TDC: ${safe(e.text)}`],
}

/** Lines at level debug that follow. */
const DETAILS: Details = {
  'tls-success': (e) =>
    `TDC: DCID ${e.dcid} TLS details host ${safe(e.host)} sni ${safe(e.sni ?? '-')} group ${e.group ?? '-'} ` +
    `authorized ${e.authorized ? 'yes' : 'no'} policy ${e.policy.join(',') || '-'} ` +
    `issuer ${safe(e.issuer)} ends ${moment(e.certificateEnd)} sha256 ${safe(e.fingerprint)}`,
}

/** The lines of one event, in order; `service` is `service_name`. */
export function linesOf(event: TdcEvent, service: string): Line[] {
  const level = LEVELS[event.kind] ?? 'info'
  const wording = WORDING[event.kind] as (event: TdcEvent, service: string) => readonly string[]
  const lines = wording(event, safe(service)).map((text): Line => ({ level, text }))
  const details = DETAILS[event.kind] as ((event: TdcEvent) => string) | undefined
  return details ? [...lines, { level: 'debug', text: details(event) }] : lines
}

/** What the last line of an event says beside its text in the structured log formats. */
export function fieldsOf(event: TdcEvent): Record<string, unknown> {
  switch (event.kind) {
    case 'delivered':
      return { ...attemptFields(event), result: 'delivered', response: safe(event.response) }
    case 'deferred':
    case 'tls-error':
    case 'hard-bounced':
    case 'expired':
      return { ...attemptFields(event), result: event.kind, response: bounceText(event.response) }
    default:
      return {}
  }
}

function attemptFields({ mid, dcid, intake, messageId, attempts, age }: Attempted) {
  return {
    mid: safe(mid),
    dcid,
    intake: safe(intake),
    message_id: safe(messageId),
    attempts,
    // Seconds, to the millisecond.
    age: Math.round(age) / 1000,
  }
}

/** What stands in Haraka's own prefix, so that a search for the transaction finds the line. */
export function uuidOf(event: TdcEvent): string {
  if ('mid' in event) return event.mid
  if ('transaction' in event) return event.transaction
  return '-'
}

/** One step of a message in tracking: its line, without what every line has. */
export function trackText(event: TdcEvent, service: string): string {
  switch (event.kind) {
    case 'decided':
      return decidedText(event)
    case 'prepared':
      return `copy of ${event.size} octets written for ${safe(event.intake)}`
    case 'enqueued': {
      const doubt = event.doubt ? `; in doubt: ${DOUBTS[event.doubt]}` : ''
      return `queued for ${safe(event.intake)}${doubt}`
    }
    case 'delivery-start':
      return `sent over DCID ${event.dcid}`
    case 'delivered':
      return `delivered over DCID ${event.dcid}: ${safe(event.response)}`
    case 'tls-error':
      return `TLS error over DCID ${event.dcid}: ${bounceText(event.response)}`
    default: {
      const [first] = linesOf(event, service)
      return first?.text.replace(/^TDC: /, '') ?? ''
    }
  }
}

function decidedText({ routes, rewritten = [], verdicts = [] }: EventOf<'decided'>): string {
  const copies = routes.map(
    ({ intake, recipients, policies }) =>
      `copy to ${safe(intake)} for ${counted(recipients, 'recipient')} ` +
      `by policy ${policies.map(safe).join(', ')}`,
  )
  const shown = rewritten.slice(0, REWRITTEN_SHOWN)
  const changes = shown.map(({ given, address }) => `${safe(given)} became ${safe(address)}`)
  const seen = verdicts.map(safe)
  return [...(routes.length > 0 ? copies : ['no copy']), ...changes, ...seen].join('; ')
}

/** Aliases that one step of tracking names. */
const REWRITTEN_SHOWN = 5

/** The appliance's form of a response, made safe. */
export function bounceText({ status, meaning, code, detail }: BounceResponse): string {
  return `${status} - ${meaning} ('${code}', ['${safe(detail)}'])`
}

/** Why there is no copy, in words. */
export function skipText(reason: SkipReason): string {
  switch (reason.token) {
    case 'disabled':
      return `the connector is disabled (${safe(reason.level)})`
    case 'outgoing':
      return 'outgoing mail'
    case 'quarantined':
      return 'quarantined'
    case 'discarded':
      return 'to be discarded'
    case 'to-intake':
      return 'addressed to a message intake address'
    case 'not-clean':
      return `not clean: ${safe(reason.rule)}`
    case 'own-report':
      return 'a journal report of this installation'
    case 'policy-no':
      return `policy ${reason.policies.map(safe).join(', ')} says no`
  }
}

const TROUBLES: Readonly<Record<SharedTrouble, string>> = {
  away: 'Redis cannot be reached',
  nonsense: 'Redis holds something else in their place',
  refused: 'refused on this machine',
}

function revisionText({ revision }: { revision: number }): string {
  return revision === 0 ? 'tdc.ini alone' : `revision ${revision}`
}

function stayText(revision: number): string {
  return revision === 0 ? 'tdc.ini alone stays in force' : `revision ${revision} stays in force`
}

function changeText({ author, values }: SharedChange): string {
  const texts = values.map(({ section, key, after }) =>
    after === null ? `[${section}] ${key} unset` : `[${section}] ${key}=${after}`,
  )
  return `, by ${safe(author)}: ${safe(texts.join(', '))}`
}

/** UTC, to the second. */
function moment(ms: number): string {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19)}Z` : 'unknown'
}

function whereText({ domain }: { domain: string | undefined }): string {
  return domain === undefined ? 'all intakes' : safe(domain)
}

function counted(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`
}
