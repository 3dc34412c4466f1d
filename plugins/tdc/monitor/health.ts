import { safeText } from '../base/text'
import { CERTIFICATE_WARNED } from './tls-counters'
import { TROUBLES } from './words'
import type { IntakeStatus, LastFailure, RecentCopies, Status } from './status'

/** `warning`: somebody should look; `failing`: copies are lost, or are about to be. */
export type State = 'ok' | 'warning' | 'failing'

/** Everything that can be wrong, and what to do about it: docs/operations.md is ordered by it. */
export const REASONS = {
  disabled: 'copies are switched off: [main] enabled, group and machine',
  'settings-refused':
    'tdc.ini has a mistake: the log says which, the settings before it are in force',
  'worker-silent': 'a worker process does not answer: is it stopped, or busy beyond measure?',
  'queue-unwritable':
    'the queue directory is gone, or nothing can be written there: haraka-tdc check',
  missed: 'copies cannot be written: look at the queue directory, its owner and its disk',
  'disk-low': 'the queue disk is full, or nearly: min_free_space, min_free_inodes',
  unreachable: 'no connection to the intake: DNS, firewall, its operator; haraka-tdc check',
  tls: 'the intake is refused by its certificate or TLS: haraka-tdc check',
  refusing: 'the intake takes connections and refuses copies: its reply says why',
  losing: 'some copies are given up: failed.keep keeps them for a replay',
  slow: 'copies wait for more than half of max_age: is the intake slow, or are there too few connections?',
  'certificate-ends': "the intake's certificate ends soon, or has ended: tell its operator",
  'redis-away':
    'what machines share stays as this one had it last: is Redis up, is redis.ini right?',
  'clock-jumped': "the machine's clock was set, or it slept: is it kept by NTP?",
  held: 'somebody holds the delivery: haraka-tdc release',
  'not-kept': 'copies that were given up cannot be written to error.tdc/kept: haraka-tdc check',
  'kept-full': 'kept copies are dropped: replay them, or raise the bounds of [failed]',
} as const

export type Reason = keyof typeof REASONS

export interface Finding {
  readonly reason: Reason
  readonly state: Exclude<State, 'ok'>
  /** Domain of the intake that it is about; null: the whole. */
  readonly domain: string | null
  /** What was seen, without an address. */
  readonly text: string
}

export interface Health {
  readonly state: State
  /** The worst first. */
  readonly findings: readonly Finding[]
}

const DAY = 86_400_000

/** Of a thousand intakes that are down behind one line that is cut, these tell enough. */
const MOST_LINES = 8

/** A disk is low before it is full: with less than so many times what must stay free. */
const LOW_DISK = 2

type Found = Omit<Finding, 'domain'>

/** How it is, by what is known: the one judgement that every display shows. */
export function health(status: Status): Health {
  const findings = [
    ...ofTheWhole(status).map((found) => ({ ...found, domain: null })),
    ...domainsOf(status).flatMap((domain) =>
      ofIntake(status, domain).map((found) => ({ ...found, domain })),
    ),
  ]
  const worstFirst = findings.sort((a, b) => RANK[b.state] - RANK[a.state])
  return { state: worstFirst[0]?.state ?? 'ok', findings: worstFirst }
}

/** What is wrong, a line each, at most so many. */
export function healthLines(found: Health, most = MOST_LINES): string[] {
  return notices(found, most).map(({ text }) => text)
}

/** All that is wrong with one intake. */
export function noticesOf({ findings }: Health, domain: string): Notice[] {
  return findings.filter((found) => found.domain === domain).map(noticeOf)
}

function noticeOf(finding: Finding): Notice {
  const { reason, domain } = finding
  const text = findingText(finding)
  return { domain: domain && safeText(domain), text, advice: REASONS[reason] }
}

/** One line of what is wrong. */
export interface Notice {
  /** Of the intake, with which the line begins; null: it is about the whole. */
  readonly domain: string | null
  readonly text: string
  /** What to do; '': the line says all. */
  readonly advice: string
}

/** The same with what to do. */
export function notices({ findings }: Health, most = MOST_LINES): Notice[] {
  const shown = findings.slice(0, most).map(noticeOf)
  const rest = findings.length - most
  return rest > 0 ? [...shown, { domain: null, text: `and ${rest} more`, advice: '' }] : shown
}

/** As a line of the log has it. */
export function findingText({ reason, domain, text }: Finding): string {
  return `${domain === null ? '' : `${safeText(domain)} `}${reason}: ${text}`
}

/** How it is with an intake. */
export function intakeState({ findings }: Health, domain: string): State {
  return findings.find((found) => found.domain === domain)?.state ?? 'ok'
}

/** Whether an intake's copies are being lost. */
export function isFailing(found: Health, domain: string): boolean {
  return intakeState(found, domain) === 'failing'
}

const RANK: Readonly<Record<State, number>> = { ok: 0, warning: 1, failing: 2 }

function ofTheWhole(status: Status): Found[] {
  const { enabled, level, problems, sharing, storeAway, clockJump, silent, recent, holds, held } =
    status
  const found: Found[] = []
  if (!enabled) found.push(warning('disabled', `no copies are made (${level})`))
  if (problems.length > 0) found.push(warning('settings-refused', `${problems[0]}`))
  if (sharing) {
    const reason = sharing.kind === 'refused' ? 'settings-refused' : 'redis-away'
    const what = `what machines share: ${TROUBLES[sharing.kind]}`
    found.push(warning(reason, `${what}: ${safeText(sharing.why)}`))
  }
  if (storeAway) {
    const text = `new copies are on this machine's own disk: ${safeText(storeAway.why)}`
    found.push(warning('redis-away', text))
  }
  if (clockJump) {
    const { at, byMs } = clockJump
    const way = byMs > 0 ? 'on' : 'back'
    found.push(warning('clock-jumped', `set ${way} by ${seconds(Math.abs(byMs))} to ${moment(at)}`))
  }
  if (silent.length > 0) {
    const who = silent.map(({ worker, pid }) => `worker ${worker} (pid ${pid})`).join(', ')
    found.push(warning('worker-silent', `${who} did not answer, figures are missing`))
  }
  if (status.queueTrouble !== null) {
    found.push(failing('queue-unwritable', safeText(status.queueTrouble)))
  }
  if (recent.missed > 0) {
    found.push(failing('missed', `${recent.missed} copies not written in the last 5 minutes`))
  }
  found.push(...ofDisk(status))
  if (holds.includes('all')) found.push(warning('held', `all intakes, ${held} copies wait`))
  if (recent.notKept > 0) {
    const text = `${recent.notKept} copies given up in the last 5 minutes are gone, none could be kept`
    found.push(failing('not-kept', text))
  }
  if (recent.keptDropped > 0) {
    found.push(warning('kept-full', `${recent.keptDropped} kept copies dropped in 5 minutes`))
  }
  return found
}

function ofDisk({ disk }: Status): Found[] {
  if (!disk) return []
  const kinds = [
    { left: disk.bytes, floor: disk.minBytes, what: `${Math.floor(disk.bytes / 2 ** 20)} MB` },
    { left: disk.inodes, floor: disk.minInodes, what: `${disk.inodes} inodes` },
  ]
  return kinds.flatMap(({ left, floor, what }) => {
    if (left === null || floor === 0 || left >= LOW_DISK * floor) return []
    const text = `${what} free on the queue disk`
    return [
      left < floor ? failing('disk-low', `${text}, no copy is taken`) : warning('disk-low', text),
    ]
  })
}

function ofIntake(status: Status, domain: string): Found[] {
  const { domains, holds, takenAt, maxAgeMs } = status
  const intakes = Object.values(status.intakes).filter((each) => each.domain === domain)
  const delivery = Object.hasOwn(domains, domain) ? domains[domain] : undefined
  const isHeld = holds.includes('all') || holds.includes(domain)
  const oldest = Math.max(0, ...intakes.map(({ oldestAgeMs }) => oldestAgeMs))
  const found: Found[] = []
  if (holds.includes(domain)) found.push(warning('held', 'nothing is sent there'))
  const isDown = delivery?.lastAttempt === 'down'
  const last = lastFailureOf(intakes)
  const down = isDown ? DOWN_BY[last?.class ?? 'network'] : undefined
  if (down) found.push(failing(down, lastDelivery(intakes, last)))
  found.push(...losses(intakes, isDown, takenAt).filter(({ reason }) => reason !== down))
  // A held copy does not age, but the display has what it was.
  if (!isHeld && oldest > maxAgeMs / 2) {
    const text = `the oldest copy waits for ${seconds(oldest)} of ${seconds(maxAgeMs)}`
    found.push(warning('slow', text))
  }
  const end = delivery?.tls.certificateEnd ?? null
  if (end !== null && end <= takenAt) {
    found.push(failing('certificate-ends', `it ended at ${moment(end)}`))
  } else if (end !== null && end - takenAt < CERTIFICATE_WARNED) {
    found.push(warning('certificate-ends', `in ${Math.floor((end - takenAt) / DAY)} days`))
  }
  return found
}

/** Milliseconds without a delivery, but with failures, after which those before count for nothing. */
const NOTHING_DELIVERED = 60_000

/** Copies given up lately: all, by one thing that is in the way, or some of many. */
function losses(intakes: readonly IntakeStatus[], isDown: boolean, now: number): Found[] {
  const sum = (name: keyof RecentCopies) =>
    intakes.reduce((total, { recent }) => total + recent[name], 0)
  const kinds = (['reply', 'tls', 'network', 'dns', 'expired'] as const)
    .map((kind) => ({ kind, lost: sum(kind) }))
    .filter(({ lost }) => lost > 0)
    .sort((a, b) => b.lost - a.lost)
  const [most] = kinds
  if (!most) return []
  const delivered = sum('delivered')
  const success = Math.max(0, ...intakes.map(({ lastSuccess }) => lastSuccess ?? 0))
  const failure = Math.max(0, ...intakes.map(({ lastFailure }) => lastFailure?.at ?? 0))
  const isOver = failure > success && now - success >= NOTHING_DELIVERED
  const parts = kinds.map(({ kind, lost }) => `${lost} by ${LOST_BY[kind]}`).join(', ')
  const since = delivered > 0 && isOver ? `, none since ${moment(success)}` : ''
  const text = `${parts} given up in the last 5 minutes, ${delivered} delivered${since}`
  if (delivered > 0 && !isOver) {
    const lost = kinds.reduce((total, each) => total + each.lost, 0)
    return [lost >= delivered ? failing('losing', text) : warning('losing', text)]
  }
  if (most.kind === 'reply') return [failing('refusing', text)]
  if (most.kind === 'tls') return [failing('tls', text)]
  return isDown ? [] : [failing('losing', text)]
}

const LOST_BY = {
  reply: 'its reply',
  tls: 'TLS',
  network: 'the network',
  dns: 'DNS',
  expired: 'their age',
} as const

/** What keeps all connections from being of use, by how the last one failed. */
const DOWN_BY: Readonly<Record<LastFailure['class'], Reason>> = {
  tls: 'tls',
  reply: 'refusing',
  network: 'unreachable',
  dns: 'unreachable',
  expired: 'unreachable',
}

/** Of the intakes that copies went to, and of their connections. */
function domainsOf({ intakes, domains, holds }: Status): string[] {
  const all = [
    ...Object.values(intakes).map(({ domain }) => domain),
    ...Object.keys(domains),
    ...holds.filter((domain) => domain !== 'all'),
  ]
  return [...new Set(all)].sort()
}

function lastFailureOf(intakes: readonly IntakeStatus[]): LastFailure | null {
  return intakes
    .flatMap(({ lastFailure }) => lastFailure ?? [])
    .reduce<LastFailure | null>((a, b) => (a && a.at > b.at ? a : b), null)
}

function lastDelivery(intakes: readonly IntakeStatus[], failure: LastFailure | null): string {
  const last = Math.max(0, ...intakes.map(({ lastSuccess }) => lastSuccess ?? 0))
  const since = last > 0 ? `nothing delivered since ${moment(last)}` : 'nothing was delivered yet'
  return failure ? `${since}, the last try failed by ${LOST_BY[failure.class]}` : since
}

function warning(reason: Reason, text: string): Found {
  return { reason, state: 'warning', text }
}

function failing(reason: Reason, text: string): Found {
  return { reason, state: 'failing', text }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

/** UTC, to the second. */
function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
