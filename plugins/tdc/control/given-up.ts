import { inTurns, sortedInTurns } from '../base/in-turns'
import { byText, isFromTo, isMeant, orderOf } from '../base/sought'
import type { KeptCopy, KeptListed } from '../queue/kept-name'
import type { LostCopy, LostListed } from '../queue/lost-copies'
import { isSought, type KeptFilter } from '../queue/replay'
import {
  ALL_FILES_TIME,
  asksWho,
  type AskedFor,
  LISTING,
  MOST_LISTED,
  ofOne,
  SOUGHT,
  WRITING_TIME,
  FIELD,
} from './asking'

/** How kept copies may be sorted, by the word for it; the first is the usual one. */
export const KEPT_ORDERS = {
  oldest: (a: KeptCopy, b: KeptCopy) => a.at - b.at,
  newest: (a: KeptCopy, b: KeptCopy) => b.at - a.at,
  largest: (a: KeptCopy, b: KeptCopy) => b.bytes - a.bytes,
  reason: (a: KeptCopy, b: KeptCopy) => byText(a.cause, b.cause) || a.at - b.at,
}

export const LOST_ORDERS = {
  newest: (a: LostCopy, b: LostCopy) => b.at - a.at,
  oldest: (a: LostCopy, b: LostCopy) => a.at - b.at,
  reason: (a: LostCopy, b: LostCopy) => byText(a.reason, b.reason) || b.at - a.at,
  intake: (a: LostCopy, b: LostCopy) => byText(a.intake, b.intake) || b.at - a.at,
}

/** Which kept copies. `reason`: why a copy was given up. */
const KEPT_SOUGHT = { intake: FIELD.text, since: FIELD.count, reason: FIELD.text }
export type KeptSought = AskedFor<typeof KEPT_SOUGHT>

/** What is asked of copies that were given up, and done to those of them that were kept. */
export const OF_GIVEN_UP = {
  /** What their files' names say decides first; a file is opened for its intake only. */
  kept: ofOne('one', {
    fields: { ...KEPT_SOUGHT, ...LISTING },
    within: WRITING_TIME,
    async here({ queue: { kept } }, { sort, most, ...sought }): Promise<KeptListed> {
      const filter = keptFilter(sought)
      const found: (KeptCopy & { readonly intake?: string | null })[] = []
      for await (const copy of inTurns(await kept.list())) {
        if (!isSought(copy, filter)) continue
        if (!filter.intake) found.push(copy)
        else {
          const intake = await kept.intakeOf(copy)
          if (intake !== null && isMeant(filter.intake, intake)) found.push({ ...copy, intake })
        }
      }
      const shown = await sortedInTurns(found, orderOf(KEPT_ORDERS, sort))
      const copies = []
      for (const copy of shown.slice(0, Math.min(most, MOST_LISTED))) {
        copies.push({ ...copy, intake: copy.intake ?? (await kept.intakeOf(copy)) })
      }
      const bytes = found.reduce((sum, copy) => sum + copy.bytes, 0)
      return { count: found.length, bytes, copies }
    },
  }),

  replay: ofOne('one', {
    fields: { mid: FIELD.text, ...KEPT_SOUGHT },
    within: ALL_FILES_TIME,
    here: ({ queue }, { mid, ...sought }) =>
      queue.replay.replay({ mid: mid || undefined, ...keptFilter(sought) }),
  }),

  /**
   * Those of before a restart included. Whether one is kept is asked of the kept copies: they are replayed
   * and dropped by others, too.
   */
  history: ofOne('one', {
    fields: { reason: FIELD.text, ...SOUGHT, ...LISTING },
    within: WRITING_TIME,
    async here(
      { queue: { lost, kept } },
      { intake, since, reason, sort, most, ...people },
    ): Promise<LostListed> {
      // Where they cannot be listed, what was lost is asked for all the more.
      const isKept = new Set((await kept.list().catch(() => [])).map(({ mid }) => mid))
      const found = (await lost.list()).filter(
        ({ at, intake: own, reason: why, sender, recipients }) =>
          at >= since &&
          isMeant(intake, own) &&
          (reason === '' || reason === why) &&
          (!asksWho(people) || (sender !== null && isFromTo(people, { sender, recipients }))),
      )
      const copies = found
        .sort(orderOf(LOST_ORDERS, sort))
        .slice(0, Math.min(most, MOST_LISTED))
        .map((copy) => ({ ...copy, kept: isKept.has(copy.mid) }))
      return { count: found.length, copies }
    },
  }),
}

function keptFilter({ intake, since, reason }: KeptSought): KeptFilter {
  return { intake: intake || undefined, since, reason: reason || undefined }
}
