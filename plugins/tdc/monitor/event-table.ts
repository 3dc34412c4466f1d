import { safeText as safe } from '../base/text'
import { QUEUE_DOMAIN } from '../base/names'
import type { EventOf, EventKind, Row } from './events'
import {
  attemptFields,
  bounceText,
  changeText,
  counted,
  decidedText,
  DOUBTS,
  fewOf,
  moment,
  revisionText,
  skipText,
  stayText,
  TROUBLES,
  whereText,
} from './words'

const COMES = { active: 1 } as const
const GOES = { active: -1 } as const
const GIVEN_UP = { active: -1, hardBounced: 1 } as const

/**
 * Every event: its level, its words, and what it counts for. The wording of the first groups is the
 * appliance's (spec 6), down to the missing space before `TLS Error.`; the others follow its style.
 * docs/log-reference.md lists all lines.
 */
export const EVENTS: { readonly [K in EventKind]: Row<EventOf<K>> } = {
  // Only tracking tells of these two: what comes of them has a line of its own.
  decided: { words: () => [], track: decidedText },
  prepared: {
    words: () => [],
    track: (e) => `copy of ${e.size} octets written for ${safe(e.intake)}`,
  },
  'original-refused': {
    words: (e) =>
      `TDC: Message ${e.transaction} from <${safe(e.sender)}> refused: it has a bare CR (bare_cr=refuse)`,
    counts: 'originalsRefused',
  },
  normalized: {
    words: (e) =>
      `TDC: MID ${e.mid} has other line ends than its original, which has bare CR or LF (bare_cr)`,
    counts: 'normalized',
  },
  skipped: {
    words: (e) =>
      `TDC: Message ${e.transaction} from <${safe(e.sender)}> not copied for ` +
      `${counted(e.recipients, 'recipient')}: ${skipText(e.reason)}`,
  },
  enqueued: {
    words: (e, service) => [
      `TDC: MID ${e.mid} with Message-ID '${safe(e.messageId)}' enqueued for forwarding to ${service} ` +
        `to the message intake address ${safe(e.intake)}`,
      ...(e.doubt ? [`TDC: MID ${e.mid} in doubt: ${DOUBTS[e.doubt]}, the copy is sent`] : []),
    ],
    track: (e) => `queued for ${safe(e.intake)}${e.doubt ? `; in doubt: ${DOUBTS[e.doubt]}` : ''}`,
    counts: (e) => (e.doubt ? 'inDoubt' : undefined),
    copy: COMES,
  },
  loaded: {
    words: (e) =>
      `TDC: MID ${safe(e.mid)} found in the queue for the message intake address ${safe(e.intake)}`,
    copy: COMES,
  },
  'token-refused': {
    words: (e) =>
      `TDC: Message ${e.transaction} carries the token of a report and is none of ours: ${safe(e.why)}`,
    counts: 'tokensRefused',
  },
  withdrawn: { words: (e) => `TDC: MID ${e.mid} withdrawn: ${e.why}`, counts: 'withdrawn' },
  'journal-failed': {
    level: 'error',
    words: (e) =>
      `TDC: Message ${e.transaction} not copied to the message intake address ${safe(e.intake)}: ` +
      `${safe(e.why)} (on_journal_failure=${e.policy})`,
    counts: 'journalFailed',
    isError: true,
  },
  damaged: {
    level: 'error',
    words: (e) => `TDC: Queue file ${safe(e.file)} set aside: ${safe(e.why)}`,
    counts: 'damaged',
    isError: true,
  },
  vanished: {
    words: (e) => `TDC: MID ${safe(e.mid)} is no longer in the queue directory, not tried again`,
    copy: GOES,
  },
  unremovable: {
    level: 'error',
    words: (e) =>
      `TDC: MID ${safe(e.mid)} is done but its queue file ${safe(e.file)} cannot be removed: ${safe(e.why)}`,
    isError: true,
  },
  dropped: {
    words: (e) => `TDC: MID ${safe(e.mid)} dropped on request`,
    counts: 'dropped',
    copy: GOES,
  },
  held: {
    words: (e) =>
      `TDC: Delivery to ${whereText(e)} held: ${counted(e.copies, 'copy', 'copies')} waiting`,
  },
  released: {
    words: (e) =>
      `TDC: Delivery to ${whereText(e)} released: ${counted(e.copies, 'copy', 'copies')} waited`,
  },
  'hold-not-stored': {
    level: 'error',
    words: (e) => `TDC: The hold is not stored for a restart: ${safe(e.why)}`,
  },
  'holds-unreadable': {
    level: 'error',
    words: (e) => `TDC: The holds cannot be read, nothing is held: ${safe(e.why)}`,
  },
  kept: { words: (e) => `TDC: MID ${safe(e.mid)} kept for a replay`, counts: 'kept' },
  'not-kept': {
    level: 'error',
    words: (e) => `TDC: MID ${safe(e.mid)} cannot be kept, it is removed: ${safe(e.why)}`,
    counts: 'notKept',
  },
  'kept-dropped': {
    words: (e) => `TDC: Kept copy MID ${safe(e.mid)} dropped: ${e.why}`,
    counts: 'keptDropped',
  },
  'not-dropped': {
    level: 'error',
    words: (e) => `TDC: Kept copy MID ${safe(e.mid)} cannot be dropped: ${safe(e.why)}`,
  },
  replayed: {
    words: (e) =>
      `TDC: MID ${safe(e.mid)} with Message-ID '${safe(e.messageId)}' replayed to the message intake ` +
      `address ${safe(e.intake)}: given up at ${moment(e.givenUpAt)} (${e.reason})`,
    counts: 'replayed',
    copy: COMES,
  },
  'not-replayed': {
    level: 'error',
    words: (e) => `TDC: Kept copy MID ${safe(e.mid)} not replayed: ${safe(e.why)}`,
  },
  'kept-for-others': {
    level: 'warn',
    words: (e) =>
      `TDC: ${counted(e.copies, 'kept copy', 'kept copies')} not replayed: the settings no longer have ` +
      `${fewOf(e.intakes)}; haraka-tdc replay --intake sends them all the same`,
  },
  adopted: {
    words: (e) =>
      `TDC: MID ${safe(e.mid)} with Message-ID '${safe(e.messageId)}' adopted from ${safe(e.from)} for ` +
      `the message intake address ${safe(e.intake)}`,
    copy: COMES,
  },
  'not-adopted': {
    level: 'error',
    words: (e) => `TDC: Queue file ${safe(e.file)} not adopted: ${safe(e.why)}`,
  },
  'dns-error': {
    words: (e) => [
      `DNS Error ${safe(e.domain)} ${e.question ?? 'MX'} - ${e.result}${e.why === undefined ? '' : `: ${safe(e.why)}`}`,
    ],
    isError: true,
  },
  connected: {
    words: (e) =>
      `TDC: New SMTP DCID ${e.dcid} interface ${e.local} address ${e.remote} port ${e.port}`,
  },
  'tls-success': {
    words: (e) => `DCID ${e.dcid} TLS success protocol ${e.protocol} cipher ${e.cipher}`,
    details: (e) =>
      `TDC: DCID ${e.dcid} TLS details host ${safe(e.host)} sni ${safe(e.sni ?? '-')} group ${e.group ?? '-'} ` +
      `authorized ${e.authorized ? 'yes' : 'no'} policy ${e.policy.join(',') || '-'} ` +
      `issuer ${safe(e.issuer)} ends ${moment(e.certificateEnd)} sha256 ${safe(e.fingerprint)}`,
  },
  'tls-failed': {
    words: (e) =>
      `TDC: DCID ${e.dcid} TLS failed with ${safe(e.host)} address ${e.remote}: ${e.reason}: ${safe(e.text)}`,
    isError: true,
  },
  'certificate-wanted': {
    level: 'warn',
    words: (e) =>
      `TDC: DCID ${e.dcid} refused by ${safe(e.host)} of ${safe(e.domain)}, which asks for a client ` +
      `certificate ([tls] client_certificate is not set): ${safe(e.said)}`,
  },
  'certificate-ends': {
    level: 'warn',
    words: (e) => [
      `TDC: The certificate of ${safe(e.host)} for the intake domain ${safe(e.domain)} ` +
        (e.days < 0 ? 'has ended, ' : `ends in ${counted(e.days, 'day')}, `) +
        moment(e.certificateEnd),
    ],
    isError: true,
  },
  'sts-policy': {
    words: (e) =>
      `TDC: MTA-STS policy of ${safe(e.domain)}: mode ${e.mode}, mx ${safe(e.mx.join(', '))}, ` +
      `for ${e.seconds} seconds`,
  },
  'sts-failed': {
    level: 'warn',
    words: (e) => [
      `TDC: MTA-STS policy of ${safe(e.domain)} cannot be had: ${e.reason}: ${safe(e.text)}; ` +
        (e.kept ? 'the one fetched before stays in force' : 'none is in force'),
    ],
    isError: true,
  },
  'sts-testing': {
    words: (e) =>
      `TDC: DCID ${e.dcid} with ${safe(e.host)} is against the MTA-STS policy of ${safe(e.domain)} ` +
      `(mode testing): ${e.reason}: ${safe(e.text)}`,
  },
  'connection-error': {
    words: (e) =>
      `TDC: Connection Error: DCID ${e.dcid} domain: ${QUEUE_DOMAIN} IP: ${e.remote} port: ${e.port} ` +
      `details: ${e.details} interface: ${e.local} reason: ${safe(e.reason)}`,
    isError: true,
  },
  refused: {
    level: 'warn',
    words: (e) =>
      `TDC: ${counted(e.count, e.what.slice(0, -1))} refused by the intake ${safe(e.domain)}, no fault of a copy: ` +
      `IP: ${e.remote} port: ${e.port} reply: ${safe(e.reply)}`,
    isError: true,
  },
  'out-of-descriptors': {
    level: 'error',
    words: (e) =>
      `TDC: No descriptor is left for connections (${counted(e.count, 'time')}): copies wait, none had an attempt; ` +
      `raise the limit of open files, or have fewer connections than ${e.most} (max_connections_total)`,
    isError: true,
  },
  'delivery-start': {
    words: (e) => `TDC: Delivery start DCID ${e.dcid} MID ${safe(e.mid)}`,
    track: (e) => `sent over DCID ${e.dcid}`,
  },
  delivered: {
    words: (e, service) => [
      `TDC: MID ${safe(e.mid)} successfully delivered for scanning with ${service}.`,
      `Message finished MID ${safe(e.mid)} done`,
      `TDC: Message ${safe(e.mid)} was successfully delivered for scanning with ${service}.`,
    ],
    fields: (e) => ({ ...attemptFields(e), response: safe(e.response) }),
    track: (e) => `delivered over DCID ${e.dcid}: ${safe(e.response)}`,
    copy: { active: -1, delivered: 1 },
  },
  deferred: {
    words: (e, service) =>
      `TDC: MID ${safe(e.mid)} delivery to ${service} deferred: DCID ${e.dcid} - ${bounceText(e.response)}, ` +
      `retry ${e.retry} of ${e.retries} in ${e.seconds} seconds`,
    fields: (e) => ({ ...attemptFields(e), response: bounceText(e.response) }),
    copy: { softBounced: 1 },
    failure: (e) => e.failure,
    isError: true,
  },
  'fell-back': {
    words: (e, service) => [
      `TDC: MID ${safe(e.mid)} refused by ${service}: DCID ${e.dcid} - ${bounceText(e.response)}, ` +
        'sent once more with its original as a file (fallback)',
    ],
    counts: 'fellBack',
  },
  'tls-error': {
    words: (e, service) => [
      `TDC: MID ${safe(e.mid)} TLS failed: DCID ${e.dcid} - ${bounceText(e.response)}`,
      `TDC: MID ${safe(e.mid)} delivery failed to ${service}:TLS Error.`,
      `TDC: Message ${safe(e.mid)} delivery failed to ${service}: TLS Error.`,
    ],
    fields: (e) => ({ ...attemptFields(e), response: bounceText(e.response) }),
    track: (e) => `TLS error over DCID ${e.dcid}: ${bounceText(e.response)}`,
    copy: { ...GIVEN_UP, tlsErrors: 1 },
    failure: () => 'tls',
  },
  'hard-bounced': {
    words: (e, service) => [
      `TDC: Hard bounced - ${bounceText(e.response)}`,
      `TDC: MID ${safe(e.mid)} delivery failed to ${service}: Hard Bounced.`,
      `Bounced: DCID ${e.dcid} MID ${safe(e.mid)} to RID 0 - Bounced by destination server with response: ` +
        bounceText(e.response),
      `TDC: Message ${safe(e.mid)} delivery failed to ${service}: Hard Bounced.`,
    ],
    fields: (e) => ({ ...attemptFields(e), response: bounceText(e.response) }),
    copy: GIVEN_UP,
    failure: (e) => e.failure,
    isError: true,
  },
  expired: {
    words: (e, service) => [
      `TDC: MID ${safe(e.mid)} expired after ${Math.round(e.age / 1000)} seconds in the queue: DCID ${e.dcid} - ` +
        bounceText(e.response),
      `TDC: MID ${safe(e.mid)} delivery failed to ${service}: Expired.`,
      `TDC: Message ${safe(e.mid)} delivery failed to ${service}: Expired.`,
    ],
    fields: (e) => ({ ...attemptFields(e), response: bounceText(e.response) }),
    copy: { ...GIVEN_UP, expired: 1 },
    failure: () => 'expired',
    isError: true,
  },
  effective: { words: (e) => `TDC: ${safe(e.text)}` },
  'settings-changed': { words: (e) => `TDC: settings have changed: ${safe(e.what)}` },
  'shared-changed': {
    words: (e) =>
      `TDC: Shared settings revision ${e.revision} in force${e.change ? changeText(e.change) : ''}`,
  },
  'shared-trouble': {
    level: 'warn',
    words: (e) =>
      `TDC: Shared settings: ${TROUBLES[e.trouble]}: ${safe(e.why)}; ${stayText(e.revision)}`,
  },
  'shared-well': {
    words: (e) => `TDC: Shared settings: Redis and this machine agree on ${revisionText(e)}`,
  },
  'shared-restored': {
    level: 'warn',
    words: (e) =>
      `TDC: Shared settings: ${safe(e.why)}; ${stayText(e.revision)} and is written back`,
  },
  'shared-not-stored': {
    level: 'error',
    words: (e) =>
      `TDC: Shared settings revision ${e.revision} not stored for a restart: ${safe(e.why)}`,
  },
  'not-reported': {
    level: 'warn',
    words: (e) => `TDC: Figures of this machine not written to Redis: ${safe(e.why)}`,
  },
  'reported-again': { words: () => ['TDC: Figures of this machine written to Redis again'] },
  'queue-away': {
    level: 'warn',
    words: (e) =>
      `TDC: Copies are written to the local store, Redis does not take them: ${safe(e.why)}`,
  },
  'queue-back': {
    words: (e) => `TDC: Copies are written to Redis again, after ${e.seconds} seconds`,
  },
  trouble: { level: 'warn', words: (e) => `TDC: Trouble: ${safe(e.text)}` },
  'trouble-over': {
    words: (e) => `TDC: Trouble over: ${safe(e.what)}, after ${e.seconds} seconds`,
  },
  problem: { level: 'error', words: (e) => `TDC: ${safe(e.text)}`, isError: true },
  warning: { level: 'warn', words: (e) => `TDC: ${safe(e.text)}` },
}
