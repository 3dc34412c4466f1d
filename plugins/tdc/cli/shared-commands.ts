import { userInfo } from 'node:os'
import { levelOf } from '../cluster/overlay'
import type { SharedHistory } from '../cluster/shared-cluster'
import type { Change } from '../cluster/shared-document'
import type { ChangeAnswer } from '../cluster/shared-settings'
import type { ClusterRequest } from '../control/request'
import { type Call, type Command, EXIT, type ExitCode, type Options, show, Stop } from './command'
import { momentText } from './moments'
import { valueFrom } from './server'

const YES: Options = { yes: { type: 'boolean' } }
const LEVEL: Options = { level: { type: 'string' }, ...YES }
const PLACE: Options = { ...LEVEL, policy: { type: 'string' } }

const LEVEL_HELP = [
  '--level LEVEL    cluster, group=NAME or machine=HOST. In force on all machines within 2 seconds.',
]
const PLACE_HELP = [
  ...LEVEL_HELP,
  '--policy NAME    a policy, which is the same for all machines: --level may be left out.',
]
const RULES = [
  '--yes            also if that turns off machines which it does not name, without asking',
  'The values go before those of tdc.ini, which is the base on each machine ([cluster] redis=true).',
  'They are refused here, with the reason, unless all settings together can be taken.',
]

export const enableCommand: Command = {
  name: 'enable',
  words: [],
  options: LEVEL,
  summary: 'turns copies on for the cluster, a group or a machine',
  help: [...LEVEL_HELP, ...RULES],
  run: (call) => change(call, setRequest(call, ['enabled=true'])),
}

export const disableCommand: Command = {
  name: 'disable',
  words: [],
  options: LEVEL,
  summary: 'turns copies off for the cluster, a group or a machine',
  help: [
    ...LEVEL_HELP,
    'A machine that is disabled disables its group and the cluster too, as on the appliance:',
    'machines with enabled=true of their own stay on. [main] machine_disable_spreads=false ends that.',
    ...RULES,
  ],
  run: (call) => change(call, setRequest(call, ['enabled=false'])),
}

export const setCommand: Command = {
  name: 'set',
  words: ['KEY=VALUE...'],
  options: PLACE,
  summary: 'sets values on all machines, such as intake_address=scan@intake.example',
  help: [...PLACE_HELP, 'KEY= sets a value to nothing, also where tdc.ini sets it.', ...RULES],
  run: (call) => change(call, setRequest(call, call.words)),
}

export const unsetCommand: Command = {
  name: 'unset',
  words: ['KEY...'],
  options: PLACE,
  summary: 'takes values back, so that those of tdc.ini hold again',
  help: [...PLACE_HELP, ...RULES],
  run: (call) =>
    change(call, { ask: 'shared-unset', ...placeOf(call), values: call.words, ...asking(call) }),
}

export const revertCommand: Command = {
  name: 'revert',
  words: ['NUMBER'],
  options: YES,
  summary: 'puts back what was before a change that haraka-tdc history --settings lists',
  help: ['That is a change too, and can be taken back.', ...RULES],
  run: (call) =>
    change(call, {
      ...{ ask: 'shared-revert', change: call.words[0] ?? '' },
      ...asking(call),
    }),
}

function setRequest(call: Call, values: readonly string[]): ClusterRequest {
  return { ask: 'shared-set', ...placeOf(call), values, ...asking(call) }
}

function asking({ values }: Call): { readonly user: string; readonly spreads: boolean } {
  return { user: user(), spreads: values['yes'] === true }
}

function placeOf({ values }: Call): { readonly level: string; readonly policy: string } {
  const { level, policy = '' } = values as { readonly level?: string; readonly policy?: string }
  if (level === undefined && policy === '') {
    throw new Stop(EXIT.usage, '--level is missing: cluster, group=NAME or machine=HOST')
  }
  return { level: level ?? 'cluster', policy }
}

async function change(call: Call, request: ClusterRequest): Promise<ExitCode> {
  const made = await valueFrom<ChangeAnswer>(call.directory(), request)
  if (made.kind === 'would-spread') return spread(call, request, made.machines)
  show(call, made, () => [
    ...changeText(made.change),
    `here: ${made.enabled ? 'enabled' : 'disabled'} (${made.level}), intake ${made.intake ?? 'none'}`,
    ...made.warnings.map((text) => `warning: ${text}`),
  ])
  return EXIT.ok
}

/** Machines shown in a question; there may be hundreds. */
const MOST_SHOWN = 20

/** Asks whether machines may go off that the change does not name, where somebody can answer. */
async function spread(
  call: Call,
  request: ClusterRequest,
  machines: readonly string[],
): Promise<ExitCode> {
  const more = machines.length > MOST_SHOWN ? ` and ${machines.length - MOST_SHOWN} more` : ''
  const which = machines.slice(0, MOST_SHOWN).join(', ') + more
  const what = `that turns off ${which} too, which inherit from a group or the cluster`
  const isAgreed = await call.terminal.agreed(`${what}; go on?`)
  if (isAgreed === undefined) throw new Stop(EXIT.no, `${what}; say --yes if it is meant`)
  if (!isAgreed) throw new Stop(EXIT.no, 'nothing is changed')
  return change(call, { ...request, spreads: true } as ClusterRequest)
}

/** Whoever became root by sudo is still who they are. */
function user(): string {
  return process.env['SUDO_USER'] ?? userInfo().username
}

/** `history --settings`. */
export async function settingsHistory(call: Call): Promise<ExitCode> {
  const history = await valueFrom<SharedHistory>(call.directory(), { ask: 'shared-history' })
  show(call, history, () => historyText(history))
  return history.trouble === null ? EXIT.ok : EXIT.no
}

function historyText({ revision, entries, changes, trouble }: SharedHistory): string[] {
  return [
    ...changes.flatMap(changeText),
    ...(changes.length > 0 ? [''] : []),
    revision === 0 ? 'nothing is shared yet' : `revision ${revision} is in force here:`,
    ...entries.map(({ section, key, value }) => `  ${levelOf(section)} ${key}=${value}`),
    ...(trouble === null ? [] : ['', `not in step with Redis: ${trouble}`]),
  ]
}

/** One change of the shared settings, and each value of it. */
function changeText({ number, at, author, reverts, values }: Change): string[] {
  const why = reverts === null ? '' : `, reverts ${reverts}`
  return [
    `change ${number}  ${momentText(at)}  ${author}${why}`,
    ...values.map(
      ({ section, key, before, after }) =>
        `  ${levelOf(section)} ${key}: ${valueText(before)} -> ${valueText(after)}`,
    ),
  ]
}

function valueText(value: string | null): string {
  if (value === null) return '(tdc.ini)'
  return value === '' ? '(nothing)' : value
}
