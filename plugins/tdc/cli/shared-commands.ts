import { userInfo } from 'node:os'
import { levelOf } from '../cluster/overlay'
import type { SharedHistory } from '../cluster/shared-cluster'
import type { Change } from '../cluster/shared-document'
import type { ChangeAnswer } from '../cluster/shared-settings'
import {
  type Call,
  command,
  EXIT,
  type ExitCode,
  flagOption,
  show,
  Stop,
  textOption,
  type GivenValues,
} from './command'
import { momentText } from './moments'
import { ask } from './server'
import { table } from './terminal'

const YES = {
  yes: flagOption('also if that turns off machines which it does not name, without asking'),
}
const LEVEL = {
  level: textOption(
    'LEVEL',
    'cluster, group=NAME or machine=HOST. In force on all machines within 2 seconds.',
  ),
  ...YES,
}
const PLACE = {
  policy: textOption(
    'NAME',
    'a policy, which is the same for all machines: --level may be left out.',
  ),
  ...LEVEL,
}

const RULES = [
  'The values go before those of tdc.ini, which is the base on each machine ([cluster] redis=true).',
  'They are refused here, with the reason, unless all settings together can be taken.',
]

export const enableCommand = command('enable', {
  options: LEVEL,
  summary: 'turns copies on for the cluster, a group or a machine',
  help: RULES,
  run: (call) => set(call, call.values, ['enabled=true']),
})

export const disableCommand = command('disable', {
  options: LEVEL,
  summary: 'turns copies off for the cluster, a group or a machine',
  help: [
    'A machine that is disabled disables its group and the cluster too, as on the appliance:',
    'machines with enabled=true of their own stay on. [main] machine_disable_spreads=false ends that.',
    ...RULES,
  ],
  run: (call) => set(call, call.values, ['enabled=false']),
})

export const setCommand = command('set', {
  words: ['KEY=VALUE...'],
  options: PLACE,
  summary: 'sets values on all machines, such as intake_address=scan@intake.example',
  help: ['KEY= sets a value to nothing, also where tdc.ini sets it.', ...RULES],
  run: (call) => set(call, call.values, call.words),
})

export const unsetCommand = command('unset', {
  words: ['KEY...'],
  options: PLACE,
  summary: 'takes values back, so that those of tdc.ini hold again',
  help: RULES,
  run(call) {
    const place = { ...placeOf(call.values), values: call.words, user: user() }
    return change(call, call.values, (spreads) => ask(call, 'shared-unset', { ...place, spreads }))
  },
})

export const revertCommand = command('revert', {
  words: ['NUMBER'],
  options: YES,
  summary: 'puts back what was before a change that haraka-tdc history --settings lists',
  help: ['That is a change too, and can be taken back.', ...RULES],
  run(call) {
    const which = { change: call.words[0] ?? '', user: user() }
    return change(call, call.values, (spreads) => ask(call, 'shared-revert', { ...which, spreads }))
  },
})

export const settingsCommand = command('settings', {
  words: ['[KEY]'],
  options: { all: flagOption('also what is at its default') },
  summary: 'the settings that are in force in the running server, and where each was said',
  help: [
    'KEY is one key, such as max_age, or a section. From: tdc.ini, shared (haraka-tdc set) or default.',
    'Exit code 1: tdc.ini as it is now was refused, and these are of before; or there is no such key.',
  ],
  async run(call) {
    const [wanted = ''] = call.words
    const { values, problems } = await ask(call, 'settings', {})
    const shown = values.filter(({ section, key, from }) =>
      wanted === '' ? call.values.all || from !== 'default' : [section, key].includes(wanted),
    )
    show(call, { values: shown, problems }, () => [
      ...table(shown.map((each) => [`[${each.section}]`, `${each.key}=${each.value}`, each.from])),
      ...(shown.length === 0 ? ['nothing of that is set'] : []),
      ...problems.map((problem) => `refused: ${problem}`),
    ])
    return problems.length > 0 || (wanted !== '' && shown.length === 0) ? EXIT.no : EXIT.ok
  },
})

type Asking = Omit<Call, 'values'>

function set(
  call: Asking,
  given: GivenValues<typeof LEVEL> & { readonly policy?: string },
  values: readonly string[],
): Promise<ExitCode> {
  const place = { ...placeOf(given), values, user: user() }
  return change(call, given, (spreads) => ask(call, 'shared-set', { ...place, spreads }))
}

function placeOf({ level, policy = '' }: { readonly level: string; readonly policy?: string }): {
  level: string
  policy: string
} {
  if (level === '' && policy === '') {
    throw new Stop(EXIT.usage, '--level is missing: cluster, group=NAME or machine=HOST')
  }
  return { level: level || 'cluster', policy }
}

/** Whether machines may go off that the change does not name, is asked where somebody can answer. */
async function change(
  call: Asking,
  { yes }: { readonly yes: boolean },
  make: (spreads: boolean) => Promise<ChangeAnswer>,
): Promise<ExitCode> {
  let made = await make(yes)
  if (made.kind === 'would-spread') {
    await agree(call, made.machines)
    made = await make(true)
  }
  if (made.kind === 'would-spread') throw new Error('it was agreed to')
  const { change: done, enabled, level, intake, warnings } = made
  show(call, made, () => [
    ...changeText(done),
    `here: ${enabled ? 'enabled' : 'disabled'} (${level}), intake ${intake ?? 'none'}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ])
  return EXIT.ok
}

/** Machines shown in a question; there may be hundreds. */
const MOST_SHOWN = 20

async function agree({ terminal }: Asking, machines: readonly string[]): Promise<void> {
  const more = machines.length > MOST_SHOWN ? ` and ${machines.length - MOST_SHOWN} more` : ''
  const which = machines.slice(0, MOST_SHOWN).join(', ') + more
  const what = `that turns off ${which} too, which inherit from a group or the cluster`
  const isAgreed = await terminal.agreed(`${what}; go on?`)
  if (isAgreed === undefined) throw new Stop(EXIT.no, `${what}; say --yes if it is meant`)
  if (!isAgreed) throw new Stop(EXIT.no, 'nothing is changed')
}

/** Whoever became root by sudo is still who they are. */
function user(): string {
  return process.env['SUDO_USER'] ?? userInfo().username
}

/** `history --settings`. */
export async function settingsHistory(call: Asking): Promise<ExitCode> {
  const history = await ask(call, 'shared-history', {})
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
