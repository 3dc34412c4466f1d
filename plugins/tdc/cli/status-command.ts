import { VERSION } from '../base/version'
import type { ClusterView, MachineView } from '../cluster/cluster-view'
import { health, type Health, healthLines, intakeState, type State } from '../monitor/health'
import { COUNTED } from '../monitor/message-counts'
import {
  type DomainStatus,
  type LastFailure,
  type LearnedLimits,
  QUEUE_AGES,
  type Status,
} from '../monitor/status'
import { command, EXIT, flagOption, show } from './command'
import { durationText, momentText } from './moments'
import { satisfiedText } from './satisfied'
import { ask } from './server'
import { table } from './terminal'

export const statusCommand = command('status', {
  options: { cluster: flagOption('all machines that share their figures ([cluster] redis=true)') },
  summary: 'is it on, is it keeping up, what is wrong',
  help: [
    'The first line says ok, warning or failing, and why (docs/operations.md tells what to do);',
    'exit code 1: it is not ok, or a machine is silent.',
  ],
  async run(call) {
    if (call.values.cluster) {
      const view = await ask(call, 'cluster-status', {})
      show(call, view, () => clusterText(view))
      return isClusterWell(view) ? EXIT.ok : EXIT.no
    }
    const status = await ask(call, 'status', {})
    show(call, status, () => statusText(status))
    return health(status).state === 'ok' ? EXIT.ok : EXIT.no
  },
})

/** What an administrator asks first: is it on, is it keeping up, what is wrong. */
export function statusText(status: Status): string[] {
  const judged = health(status)
  return [
    ...table([
      ...stateRows(judged),
      ['Connector', enabledText(status)],
      ['Intake', status.intake ? `${status.intake} (${status.intakeLevel})` : 'no default address'],
      ...holdRows(status),
      ['Service', status.service],
      ['Versions', versionsText(status)],
      ['Processes', processesText(status)],
      ...queueRows(status),
      ...skippedRows(status),
    ]),
    ...Object.entries(status.domains).flatMap(([domain, figures]) => [
      '',
      ...domainText(domain, figures, intakeState(judged, domain)),
    ]),
    ...notes('Settings refused:', status.problems),
    ...notes(
      'Did not answer, and are missing here:',
      status.silent.map(({ worker, pid }) => `worker ${worker} (pid ${pid})`),
    ),
    ...notes(
      'Last errors:',
      status.errors.map(({ at, text }) => `${momentText(at)}  ${text}`),
    ),
  ]
}

function stateRows(found: Health): [string, string][] {
  return [['State', found.state], ...healthLines(found).map((line): [string, string] => ['', line])]
}

function enabledText({ enabled, level }: Status): string {
  return `${enabled ? 'enabled' : 'disabled'} (${level})`
}

function holdRows({ holds }: Status): [string, string][] {
  if (holds.length === 0) return []
  const what = holds.includes('all') ? 'all intakes' : holds.join(', ')
  return [['Held', `${what}: nothing is sent there until haraka-tdc release`]]
}

function versionsText({ versions: { plugin, haraka, node } }: Status): string {
  return `haraka-plugin-tdc ${plugin}, Haraka ${haraka}, Node ${node}`
}

function processesText({ processes, takenAt }: Status): string {
  const started = Math.min(...processes.map(({ startedAt }) => startedAt))
  const pids = processes.map(({ pid }) => pid).join(', ')
  return `${processes.length} (pid ${pids}), up for ${durationText(takenAt - started)}`
}

function queueRows(status: Status): [string, string][] {
  const { queue, prepared, deferred, held, kept, ages } = status
  const { active, delivered, softBounced, hardBounced, tlsErrors, expired, oldestAgeMs } = queue
  const oldest = oldestAgeMs > 0 ? `, the oldest for ${durationText(oldestAgeMs)}` : ''
  return [
    ['In the queue', `${active}${oldest}`],
    [
      '  of these',
      `${deferred} wait for a retry, ${held} are held, ${prepared} wait for their original`,
    ],
    ...(active > 0 ? [['  by age', agesText(ages)] as [string, string]] : []),
    ['Delivered', `${delivered}${lastText(queue.lastSuccess)}`],
    ['Soft bounced', `${softBounced} ${softBounced === 1 ? 'attempt' : 'attempts'}`],
    ['Hard bounced', `${hardBounced} (${tlsErrors} TLS errors, ${expired} expired)`],
    ['Kept', `${kept.count} for a replay${kept.count > 0 ? `, ${kept.bytes} octets` : ''}`],
    ['Last failure', failureText(queue.lastFailure)],
  ]
}

function agesText(ages: readonly number[]): string {
  const limits = QUEUE_AGES.map((ms) => ms / 1000)
  return ages
    .map((count, at) => {
      const limit = limits[at]
      return limit === undefined ? `${count} > ${limits.at(-1)} s` : `${count} <= ${limit} s`
    })
    .join(', ')
}

function skippedRows({ messages }: Status): [string, string][] {
  const counted = COUNTED.flatMap(([name, { row }]) => (row ? `${messages[name]} ${row}` : []))
  return [
    ['Not copied', countedNames(messages.skipped) || '0'],
    ['Copies', counted.join(', ')],
  ]
}

/** Of the last attempt. */
const REACHED: Readonly<Record<DomainStatus['lastAttempt'], string>> = {
  up: 'connected',
  down: 'not reached',
  unknown: 'not tried yet',
}

function domainText(domain: string, figures: DomainStatus, state: State): string[] {
  const { connecting, idle, busy, tls, lastAttempt, lastAttemptAt } = figures
  return [
    `${domain} is ${state}: ${REACHED[lastAttempt]}${lastText(lastAttemptAt)}`,
    ...table([
      ['  Connections', `${idle} idle, ${busy} busy, ${connecting} connecting`],
      ...limitRow(figures.limits),
      ['  TLS', countedNames(tls.sessions) || 'no session yet'],
      ['  TLS satisfied', countedNames(tls.satisfied, satisfiedBy) || '-'],
      ['  TLS failures', countedNames(tls.results) || 'none'],
      ...(tls.certificateEnd === null
        ? []
        : [['  Certificate', `valid until ${momentText(tls.certificateEnd)}`] as const]),
    ]),
  ]
}

/** What was learned of an intake; most have no limit that shows. */
function limitRow({ connections, messages, perSecond }: LearnedLimits): [string, string][] {
  const limits = [
    connections === null ? [] : `${connections} connections`,
    messages === null ? [] : `${messages} copies over each`,
    perSecond === null ? [] : `${perSecond.toFixed(1)} copies a second`,
  ].flat()
  return limits.length > 0 ? [['  Takes', `${limits.join(', ')}, of each process`]] : []
}

const satisfiedBy = (names: string): string => satisfiedText(names.split(', '))

function countedNames(
  counted: Readonly<Record<string, number>>,
  inWords = (name: string) => name,
): string {
  return Object.entries(counted)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${inWords(name)} (${count})`)
    .join(', ')
}

function lastText(at: number | null): string {
  return at === null ? '' : `, last at ${momentText(at)}`
}

function failureText(failure: LastFailure | null): string {
  if (!failure) return 'none'
  return `${momentText(failure.at)}  ${failure.class}: ${failure.text}`
}

function notes(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

/** Each machine in a row, and below what they know together. */
export function clusterText(view: ClusterView): string[] {
  const { machines, total } = view
  if (machines.length === 0) return ['no machine has reported yet']
  return [
    ...table([
      ['Machine', 'Last report', 'Connector', 'State', 'Active', 'Deliv.', 'Soft B.', 'Hard B.'],
      ...machines.map((machine) => machineRow(machine, view.takenAt)),
    ]),
    ...(total
      ? ['', 'Together, silent machines as of their last report:', ...statusText(total)]
      : []),
  ]
}

/** Every machine reports and is well. */
export function isClusterWell({ machines }: ClusterView): boolean {
  return (
    machines.length > 0 &&
    machines.every(
      ({ isSilent, status }) => !isSilent && status !== null && health(status).state === 'ok',
    )
  )
}

/** For tables of the figures alone: who is missing in them, or was not heard of lately. */
export function silentMachines({ machines }: ClusterView): string[] {
  return machines
    .filter(({ isSilent }) => isSilent)
    .map(({ machine, at }) => `${machine} reports no more, last at ${momentText(at)}`)
}

function machineRow(view: MachineView, now: number): (string | number)[] {
  const { machine, at, isSilent, status, wrong } = view
  const heard = isSilent ? `SILENT since ${momentText(at)}` : `${durationText(now - at)} ago`
  const name = machine
  if (!status) return [name, heard, wrong === null ? '-' : `unreadable: ${wrong}`]
  const { active, delivered, softBounced, hardBounced } = status.queue
  const enabled = `${status.enabled ? 'enabled' : 'disabled'} (${status.level})`
  return [name, heard, enabled, health(status).state, active, delivered, softBounced, hardBounced]
}

export const versionCommand = command('version', {
  summary: 'the version of this program; haraka-tdc --version is the same',
  help: ['What the running server has is in haraka-tdc status.'],
  run(call) {
    const versions = { plugin: VERSION, node: process.version }
    show(call, versions, () => [`haraka-tdc ${VERSION} (Node ${versions.node})`])
    return Promise.resolve(EXIT.ok)
  },
})
