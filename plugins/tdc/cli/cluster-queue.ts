import { WHOLE_QUEUE, withStates } from '../control/copies'
import type { AnswerTo, AskedBy, RequestName } from '../control/requests'
import type { SharedView } from '../queue/shared/shared-view'
import { type Call, copiesText, EXIT, type ExitCode, show, Stop } from './command'
import { durationText } from './moments'
import { ask } from './server'
import { table } from './terminal'

/** `queue --cluster`; `other`: an option beside it that it has not. */
export async function clusterQueue(
  call: Pick<Call, 'directory' | 'json' | 'terminal'>,
  most: number,
  other: string | undefined,
): Promise<ExitCode> {
  if (other !== undefined) throw new Stop(EXIT.usage, `--${other} cannot be had with --cluster`)
  const [view, own] = [
    await ask(call, 'shared-queue', { most }),
    await ask(call, 'queue', WHOLE_QUEUE),
  ]
  const shown = withStates(view, own.copies)
  if (!shown) throw new Stop(EXIT.no, NOT_SHARED)
  show(call, shown, () => viewText(shown))
  return EXIT.ok
}

const NOT_SHARED = 'this server shares no queue: store=redis in [queue] of config/tdc.ini makes it'

function viewText({ takenAt, count, processes, copies }: SharedView): string[] {
  const heard = (at: number, isSilent: boolean) =>
    isSilent ? `SILENT for ${durationText(takenAt - at)}` : `${durationText(takenAt - at)} ago`
  const known = processes.filter(({ isSilent, copies }) => !isSilent || copies > 0)
  const rows = copies.map(({ mid, machine, pid, intake, state, ageMs, attempts, size }) => {
    return [mid, machine, pid, intake, state, durationText(ageMs), attempts, size]
  })
  const shown = `${rows.length} of ${copiesText(count)}, those that came first to each process`
  return [
    ...table([
      ['Machine', 'Process', 'Last report', 'Copies'],
      ...known.map(({ machine, pid, at, isSilent, copies }) => {
        return [machine, pid, heard(at, isSilent), copies]
      }),
    ]),
    '',
    ...(count === 0 ? ['the shared queue is empty'] : []),
    ...(rows.length === 0 ? [] : table([HEADINGS, ...rows])),
    ...(rows.length < count ? [`${shown}; --most NUMBER shows more`] : []),
  ]
}

const HEADINGS = ['MID', 'Machine', 'Process', 'Intake', 'State', 'Age', 'Attempts', 'Size']

/** Whose a copy is that this server does not have, where machines share their queue. */
export async function elsewhereText(call: Pick<Call, 'directory'>, mid: string): Promise<string[]> {
  const unknown = 'whether another machine has it is not known'
  const found = await asked(call, 'shared-copy', { mid })
  if ('sentence' in found) return [`${unknown}: ${found.sentence}`]
  const { copy, isWhole } = found
  if (!copy) return isWhole ? [] : [`${unknown}: the shared queue is too long`]
  const { machine, pid, state, ageMs, attempts } = copy
  const since = `${durationText(ageMs)} old, ${attempts} failed attempts`
  const who = `${mid} is in the shared queue, ${since}, with process ${pid} of ${machine}`
  return [
    state === 'orphaned'
      ? `${who}, which reports no more: another machine takes it over`
      : `${who}: ask haraka-tdc there`,
  ]
}

/** The copies of other machines, which a hold here is not about. */
export async function othersText(call: Pick<Call, 'directory'>): Promise<string[]> {
  const view = await asked(call, 'shared-queue', { most: 0 })
  if (!view || 'sentence' in view) return []
  const others = view.processes.filter(({ isHere }) => !isHere)
  if (others.length === 0) return []
  const count = others.reduce((sum, { copies }) => sum + copies, 0)
  return [`${copiesText(count)} of other machines go on: each machine holds its own`]
}

/** What else is said does not depend on it. */
function asked<N extends RequestName>(
  call: Pick<Call, 'directory'>,
  name: N,
  wanted: AskedBy<N>,
): Promise<AnswerTo<N> | { readonly sentence: string }> {
  return ask(call, name, wanted).catch((error: unknown) => {
    if (error instanceof Stop) return { sentence: error.message }
    throw error
  })
}
