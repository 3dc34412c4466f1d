import { orderOf } from '../base/sought'
import { explain } from '../decide/explain'
import { supposedFacts } from '../haraka/address-facts'
import { mayRelay } from '../haraka/relay-client'
import { COMES_TO } from '../monitor/copies-of'
import { mergeStatus, type SilentWorker, type Status } from '../monitor/status'
import { MESSAGE_ORDERS, RECENT_SHARED, STEPS_KEPT, type TrackedMessage } from '../monitor/tracked'
import { QUICK_TIME, first, type Known, LISTING, ofAll, ofOne, SOUGHT, FIELD } from './asking'

/** Messages of one process that are shown at most; each may take some kilobytes. */
export const MOST_TRACKED = 500

/** Messages that were found. */
export interface Found {
  readonly messages: readonly TrackedMessage[]
  /** Workers that did not answer in time. */
  readonly silent: readonly SilentWorker[]
}

/** What is asked of messages, and of the figures that they make. */
export const OF_MESSAGES = {
  status: ofAll({
    fields: {},
    here: ({ status }) => status(),
    async merge(known, _, sharing): Promise<Status> {
      const [, ...others] = known.values
      const merged = mergeStatus([first(known), ...others])
      return { ...merged, sharing: await sharing(), silent: [...merged.silent, ...known.silent] }
    },
  }),

  /** `cameTo`: what a copy came to (monitor/copies-of.ts); '': anything. */
  track: ofAll({
    fields: { wanted: FIELD.text, cameTo: FIELD.text, ...SOUGHT, ...LISTING },
    here: ({ monitor }, { wanted, sort, most, cameTo, ...sought }) =>
      monitor.tracking.find(
        wanted || undefined,
        sought,
        Math.min(most, MOST_TRACKED),
        sort === 'oldest',
        COMES_TO.find((each) => each === cameTo) ?? '',
      ),
    merge(known, { sort, most }): Found {
      const messages = newestFirst(known).sort(orderOf(MESSAGE_ORDERS, sort))
      return { messages: messages.slice(0, most), silent: known.silent }
    },
  }),

  /** The last messages of each process, for the other machines. */
  recent: ofAll({
    fields: {},
    here: ({ monitor }) => monitor.tracking.recent(RECENT_SHARED),
    merge: (known) => newestFirst(known).slice(0, RECENT_SHARED),
  }),

  /** The last 24 hours, minute by minute; of one intake domain, or '': of all. */
  day: ofOne('primary', {
    fields: { intake: FIELD.text },
    within: QUICK_TIME,
    here: ({ day, clock }, { intake }) => day?.value(clock.wall(), intake) ?? [],
  }),

  /** `becomes`: what a plugin makes of `to`; '': it stays. `ip`: of the client; '': not known. */
  explain: ofOne('one', {
    fields: {
      from: FIELD.text,
      to: FIELD.text,
      becomes: FIELD.text,
      ip: FIELD.text,
      relaying: FIELD.flag,
    },
    here({ internals, settings }, { ip, relaying, ...supposed }) {
      const relayClient = relaying || (ip !== '' && mayRelay(internals.hooks, ip))
      return explain(supposedFacts({ ...supposed, relayClient }), settings.value)
    },
  }),
}

/** A copy that another worker found after a crash has steps in both. */
export function newestFirst({
  values,
}: Pick<Known<readonly TrackedMessage[]>, 'values'>): TrackedMessage[] {
  const messages = new Map<string, TrackedMessage>()
  for (const message of values.flat()) {
    const other = messages.get(message.transaction)
    messages.set(message.transaction, other ? together(other, message) : message)
  }
  return [...messages.values()].sort(MESSAGE_ORDERS.newest)
}

function together(a: TrackedMessage, b: TrackedMessage): TrackedMessage {
  const seen = a.recipientCount > 0 ? a : b
  const steps = [...a.steps, ...b.steps].sort((x, y) => x.at - y.at).slice(0, STEPS_KEPT)
  return { ...seen, at: Math.min(a.at, b.at), messageId: a.messageId || b.messageId, steps }
}
