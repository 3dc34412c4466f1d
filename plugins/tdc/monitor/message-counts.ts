/** What is counted once for each message or copy, beside the figures of the queue. */
interface Count {
  /** Of the metric, without what all have in common. */
  readonly metric: string
  readonly help: string
  /** Its row on the page. */
  readonly label: string
  /** Behind its number in `haraka-tdc status`; undefined: it is not shown there. */
  readonly row?: string
  /** Its name among what happened in the last five minutes. */
  readonly recent?: 'missed' | 'keptDropped' | 'notKept'
}

/**
 * Each of these counters, stated once: status, metrics, page, command line and docs have it from here.
 * What makes one go up stands in the table of events.
 */
export const MESSAGE_COUNTS = {
  journalFailed: {
    metric: 'journal_failed_total',
    help: 'Copies that could not be written to the queue: missed with on_journal_failure=accept.',
    label: 'Could not be queued: missed',
    row: 'not written',
    recent: 'missed',
  },
  withdrawn: {
    metric: 'withdrawn_total',
    help: 'Copies taken back because the original was not accepted.',
    label: 'Taken back, the original was not accepted',
    row: 'withdrawn',
  },
  inDoubt: {
    metric: 'in_doubt_total',
    help: "Copies sent although the original's outcome was not known.",
    label: 'Sent, the outcome of the original is not known',
    row: 'sent in doubt',
  },
  tokensRefused: {
    metric: 'tokens_refused_total',
    help: 'Messages with a token of a report that does not prove them: copied as any other.',
    label: 'With a token of a report, and none of ours',
  },
  originalsRefused: {
    metric: 'originals_refused_total',
    help: 'Messages that were not accepted because of a bare CR.',
    label: 'Originals refused for a bare CR',
  },
  fellBack: {
    metric: 'fell_back_total',
    help: 'Copies refused for what they hold, and sent once more with their original as a file.',
    label: 'Refused, then sent with the original as a file',
  },
  normalized: {
    metric: 'normalized_total',
    help: 'Messages with bare CR or LF, whose copies have other line ends.',
    label: 'Of messages with bare CR or LF',
  },
  damaged: {
    metric: 'damaged_total',
    help: 'Queue files that were no copy any more: set aside, and never delivered.',
    label: 'Queue files that were damaged, and set aside',
  },
  dropped: {
    metric: 'dropped_total',
    help: 'Copies that an administrator took out of the queue.',
    label: 'Taken out of the queue by an administrator',
  },
  kept: {
    metric: 'kept_total',
    help: 'Copies that were given up and kept.',
    label: 'Given up and kept',
    row: 'kept',
  },
  notKept: {
    metric: 'not_kept_total',
    help: 'Copies that were given up and could not be kept: they are gone.',
    label: 'Given up, could not be kept',
    recent: 'notKept',
  },
  keptDropped: {
    metric: 'kept_dropped_total',
    help: 'Kept copies that were dropped.',
    label: 'Kept, then dropped',
    recent: 'keptDropped',
  },
  replayed: {
    metric: 'replayed_total',
    help: 'Kept copies that were sent again.',
    label: 'Kept, then sent again',
    row: 'replayed',
  },
} as const satisfies Readonly<Record<string, Count>>

export type MessageCount = keyof typeof MESSAGE_COUNTS

/** In the order of every display. */
export const COUNTED = Object.entries(MESSAGE_COUNTS) as readonly (readonly [MessageCount, Count])[]
