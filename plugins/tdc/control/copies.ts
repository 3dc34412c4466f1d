import { ANY, byText, isFromTo, isMeant, orderOf } from '../base/sought'
import { MOST_FOUND } from '../monitor/tracked'
import type { QueuedCopy } from '../queue/queued-copy'
import type { SharedCopyView, SharedView } from '../queue/shared/shared-view'
import {
  ALL_FILES_TIME,
  asksWho,
  type Known,
  LISTING,
  MOST_LISTED,
  ofAll,
  ofOne,
  SOUGHT,
  WRITING_TIME,
  FIELD,
} from './asking'
import { newestFirst } from './tracked-messages'
import { sendTest } from './send-test'

/** How the queue may be sorted, by the word for it; the first is the usual one. */
export const QUEUE_ORDERS = {
  oldest: (a: QueuedCopy, b: QueuedCopy) => b.ageMs - a.ageMs,
  newest: (a: QueuedCopy, b: QueuedCopy) => a.ageMs - b.ageMs,
  largest: (a: QueuedCopy, b: QueuedCopy) => b.size - a.size,
  attempts: (a: QueuedCopy, b: QueuedCopy) => b.attempts - a.attempts || b.ageMs - a.ageMs,
  intake: (a: QueuedCopy, b: QueuedCopy) => byText(a.intake, b.intake) || b.ageMs - a.ageMs,
}

/** What is asked of copies, and done to those in the queue. */
export const OF_COPIES = {
  /** Senders and recipients stand in no copy's file: what is tracked knows them. */
  queue: ofAll({
    fields: { ...SOUGHT, ...LISTING },
    here({ clock, monitor, queue }, { intake, since, sort, most, ...people }) {
      const isOfThem = (mid: string) => {
        const envelope = monitor.tracking.envelopeOf(mid)
        return envelope !== undefined && isFromTo(people, envelope)
      }
      const isWanted = ({ mid, ageMs, intake: own }: QueuedCopy) =>
        isMeant(intake, own) && clock.wall() - ageMs >= since && (!asksWho(people) || isOfThem(mid))
      const order = sort === '' ? undefined : orderOf(QUEUE_ORDERS, sort)
      return queue.commands.list(Math.min(most, MOST_LISTED), isWanted, order)
    },
    merge: ({ values, silent }, { sort, most }) => ({
      copies: values.flat().sort(orderOf(QUEUE_ORDERS, sort)).slice(0, most),
      silent,
    }),
  }),

  /** Null: it is not in the queue, or not among those that were given up and kept. */
  show: ofAll({
    fields: { mid: FIELD.text },
    async here({ queue, monitor }, { mid }) {
      const copy = queue.commands.find(mid) ?? null
      const kept = (await queue.kept.find(mid)) ?? null
      return { copy, kept, messages: await monitor.tracking.find(mid) }
    },
    merge({ values, silent }) {
      const messages = newestFirst({ values: values.map((each) => each.messages) })
      return {
        copy: values.find(({ copy }) => copy !== null)?.copy ?? null,
        kept: values.find(({ kept }) => kept !== null)?.kept ?? null,
        messages: messages.slice(0, MOST_FOUND),
        silent,
      }
    },
  }),

  /** All machines' copies in the queue that they share; null: this server shares none. */
  'shared-queue': ofOne('primary', {
    fields: { most: FIELD.count },
    here: ({ queue }, { most }) => queue.sharedLook.view(Math.min(most, MOST_LISTED)),
  }),

  /** One of them. */
  'shared-copy': ofOne('primary', {
    fields: { mid: FIELD.text },
    here: ({ queue }, { mid }) => queue.sharedLook.find(mid),
  }),

  /**
   * Domains of intakes: of the settings, of copies, which go on to the intake that they were queued for
   * whatever the settings say now, and those that are held.
   */
  'intake-domains': ofAll({
    fields: {},
    here({ settings, status }) {
      const { intakes, holds } = status()
      const known = [...settings.value.intakes, ...Object.values(intakes)]
      return [...known.map(({ domain }) => domain), ...holds.filter((held) => held !== 'all')]
    },
    merge: ({ values }) => [...new Set(values.flat())].sort(),
  }),

  /** Of one intake domain; '': of all. */
  hold: ofAll({
    fields: { domain: FIELD.text },
    within: WRITING_TIME,
    here: ({ queue }, { domain }) => queue.commands.hold(domain || undefined),
    merge: summed,
  }),

  release: ofAll({
    fields: { domain: FIELD.text },
    within: WRITING_TIME,
    here: ({ queue }, { domain }) => queue.commands.release(domain || undefined),
    merge: summed,
  }),

  flush: ofAll({
    fields: {},
    within: WRITING_TIME,
    here: ({ queue }) => queue.commands.flush(),
    merge: summed,
  }),

  /** Out of the queue, or out of the kept ones. */
  drop: ofAll({
    fields: { mid: FIELD.text },
    within: WRITING_TIME,
    async here({ queue }, { mid }) {
      if (queue.commands.drop(mid)) return true
      const kept = await queue.kept.find(mid)
      return kept !== undefined && (await queue.kept.drop(kept))
    },
    merge: ({ values, silent }) => ({ dropped: values.some(Boolean), silent }),
  }),

  /** Copies in the queue directory of another server; `force`: also when that seems to run. */
  adopt: ofOne('one', {
    fields: { directory: FIELD.text, force: FIELD.flag },
    within: ALL_FILES_TIME,
    here: ({ queue }, { directory, force }) => queue.adoption.adopt(directory, force),
  }),

  /** To the default intake address, or to `intake`. */
  'send-test': ofOne('one', {
    fields: { intake: FIELD.text },
    within: WRITING_TIME,
    here: sendTest,
  }),
}

/** Of what this server's own processes have, they say where it stands. */
export function withStates(view: SharedView | null, own: readonly QueuedCopy[]): SharedView | null {
  const states = new Map(own.map(({ mid, state }) => [mid, state]))
  const stands = (copy: SharedCopyView) => ({ ...copy, state: states.get(copy.mid) ?? copy.state })
  return view && { ...view, copies: view.copies.map(stands) }
}

/** What `withStates` needs. */
export const WHOLE_QUEUE = { ...ANY, sort: '', most: MOST_LISTED }

/** How many copies it was about; a refusal of one process is one of all. */
function summed({ values, refused, silent }: Known<number>) {
  if (refused !== undefined) throw new Error(refused)
  return { copies: values.reduce((sum, each) => sum + each, 0), silent }
}
