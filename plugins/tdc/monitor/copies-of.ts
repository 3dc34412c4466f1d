import { isMeant } from '../base/sought'
import { EVENTS } from './event-table'
import type { CopyCounts } from './events'
import type { TrackedMessage, TrackedStep } from './tracked'

/** What a message's copies may have come to, as the figures of an intake count it; '': anything. */
export const COMES_TO = ['active', 'delivered', 'softBounced', 'hardBounced'] as const
export type CameTo = (typeof COMES_TO)[number] | ''

/** Whether a step of the message names the intake, an address or a domain. */
export function goesTo({ steps }: Pick<TrackedMessage, 'steps'>, intake: string): boolean {
  return steps.some(({ text }) => names(text, intake))
}

/** Whether it is a copy for this intake ('': for any) that came to this. */
export function hasCopy({ steps }: TrackedMessage, intake: string, cameTo: CameTo): boolean {
  if (cameTo === '') return intake === '' || goesTo({ steps }, intake)
  const mids = new Set(steps.flatMap(({ mid }) => mid ?? []))
  return [...mids].some((mid) => {
    const own = steps.filter((step) => step.mid === mid)
    // Of a long story the step that names the intake may be gone; what was decided is still there.
    const isNamed = own.some(({ kind }) => kind === 'prepared' || countsOf(kind)?.active === 1)
    const told = isNamed ? own : steps
    return (intake === '' || goesTo({ steps: told }, intake)) && hasComeTo(own, cameTo)
  })
}

/** By the table that the figures are counted by. */
function hasComeTo(steps: readonly TrackedStep[], cameTo: Exclude<CameTo, ''>): boolean {
  const changes = steps.map(({ kind }) => countsOf(kind)?.[cameTo])
  // In the queue is what came last, and did not go.
  return cameTo === 'active' ? changes.findLast((each) => each) === 1 : changes.includes(1)
}

function countsOf(kind: string): CopyCounts | undefined {
  return Object.hasOwn(EVENTS, kind) ? EVENTS[kind as keyof typeof EVENTS].copy : undefined
}

function names(text: string, intake: string): boolean {
  return text.split(/[\s,;()<>]+/).some((word) => word.includes('@') && isMeant(intake, word))
}
