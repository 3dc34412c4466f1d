import {
  flag,
  integer,
  listOf,
  number,
  oneOf,
  orNull,
  record,
  shape,
  type Shape,
  text,
} from '../../plugins/tdc/base/shape'
import type {
  ClusterView,
  FoundInCluster,
  MachineView,
} from '../../plugins/tdc/cluster/cluster-view'
import type { SharedHistory } from '../../plugins/tdc/cluster/shared-cluster'
import type { Change, Changed, SharedEntry } from '../../plugins/tdc/cluster/shared-document'
import type { ChangeAnswer } from '../../plugins/tdc/cluster/shared-settings'
import type { LogStep } from '../../plugins/tdc/cli/log-search'
import type { rowsOf } from '../../plugins/tdc/cli/tophosts-command'
import type { Found } from '../../plugins/tdc/control/tracked-messages'
import type { AnswerTo } from '../../plugins/tdc/control/requests'
import type { Explanation } from '../../plugins/tdc/decide/explain'
import type { CheckedDomain, CheckedHost, CheckedTls } from '../../plugins/tdc/delivery/check'
import type { Diagnosis } from '../../plugins/tdc/doctor/finding'
import {
  figuresShape,
  intakeShape,
  type SilentWorker,
  statusShape,
} from '../../plugins/tdc/monitor/status'
import {
  type TrackedMessage,
  type TrackedStep,
  trackedShape,
} from '../../plugins/tdc/monitor/tracked'
import type { AdoptResult } from '../../plugins/tdc/queue/adoption'
import { CAUSES, type KeptCopy, type KeptListed } from '../../plugins/tdc/queue/kept-name'
import { LOSSES, type LostCopy, type LostListed } from '../../plugins/tdc/queue/lost-copies'
import type { QueuedCopy } from '../../plugins/tdc/queue/queued-copy'
import type { ReplayResult } from '../../plugins/tdc/queue/replay'
import type {
  SharedCopyView,
  SharedProcessView,
  SharedView,
} from '../../plugins/tdc/queue/shared/shared-view'

const MOST = 1_000
const words = text(MOST)
const wordsOrNull = orNull(words)
const list = (item: Shape): Shape => listOf(item, MOST)

/** What several answers have in them stands once in the file, below this name. */
const DEFINITIONS: Record<string, unknown> = {}
function defined(name: string, wanted: Shape): Shape {
  DEFINITIONS[name] = wanted.schema
  return shape({ $ref: `#/definitions/${name}` }, wanted)
}

function anyOf(...shapes: readonly Shape[]): Shape {
  return shape({ anyOf: shapes.map(({ schema }) => schema) }, (value, name) =>
    shapes.some((each) => each(value, name) === undefined) ? undefined : `${name} is none of them`,
  )
}

const status = defined('status', statusShape)
const figures = anyOf(defined('figures', figuresShape), defined('intake', intakeShape))
const message = defined('message', trackedShape)
const silent = list(record<SilentWorker>({ worker: integer, pid: integer }))
const kept = {
  ...{
    file: words,
    mid: words,
    cause: oneOf(...CAUSES),
    outage: flag,
    at: integer,
    bytes: integer,
  },
} satisfies Record<keyof KeptCopy, Shape>

const STATES = ['prepared', 'active', 'deferred', 'held', 'ending', 'unremovable']

const queued = defined(
  'copy',
  record<QueuedCopy>({
    mid: words,
    intake: words,
    state: oneOf(...STATES),
    ageMs: integer,
    attempts: integer,
    size: integer,
    lastFailure: wordsOrNull,
  }),
)

const step = record<TrackedStep>({ at: integer, kind: words, mid: wordsOrNull, text: words })
const found = record<Found>({ messages: list(message), silent })
const moved = record({ copies: integer, silent })
const changed = record<Changed>({
  ...{ section: words, key: words, before: wordsOrNull, after: wordsOrNull },
})
const change = defined(
  'change',
  record<Change>({
    ...{ number: integer, at: integer, author: words, reverts: orNull(integer) },
    values: list(changed),
  }),
)
const made = record<Extract<ChangeAnswer, { kind: 'made' }>>({
  ...{ kind: oneOf('made'), change, enabled: flag, level: words, intake: wordsOrNull },
  warnings: list(words),
})

const explained = { enabled: flag, level: words, relaying: flag, text: words }
const explanation = anyOf(
  record<Extract<Explanation, { copy: true }>>({
    ...explained,
    ...{ copy: flag, intake: words, format: oneOf('journal', 'bcc'), policy: words },
  }),
  record<Extract<Explanation, { copy: false }>>({ ...explained, copy: flag, reason: words }),
)

const tls = record<CheckedTls>({
  ...{ protocol: words, cipher: words, group: wordsOrNull, issuer: words },
  ...{ certificateEnd: orNull(integer), satisfied: list(words) },
})
const host = record<CheckedHost>({
  ...{ name: words, address: words, port: integer, tls: orNull(tls), dane: words },
  ...{ offers: list(words), problem: wordsOrNull },
})
const checked = anyOf(
  record({
    ...{ enabled: flag, level: words, warnings: list(words), intakes: list(words) },
    findings: list(record<Diagnosis>({ grave: flag, text: words, mend: words })),
    domains: list(
      record<CheckedDomain>({ domain: words, hosts: list(host), problem: wordsOrNull }),
    ),
  }),
  record({ kind: oneOf('refused'), problems: list(words) }),
)

const machine = record<MachineView>({
  ...{ machine: words, at: number, isSilent: flag, status: orNull(status), wrong: wordsOrNull },
})

const lostCopy = {
  ...{ at: integer, mid: words, messageId: words, intake: words, reason: oneOf(...LOSSES) },
  ...{ text: words, attempts: integer, ageMs: integer, sender: wordsOrNull },
  ...{ recipients: list(words), replayedAt: orNull(integer) },
} satisfies Record<keyof LostCopy, Shape>

/** What `--json` prints, by command; with an option that makes another of it, `command --option`. */
export const ANSWERS: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['status', status],
  [
    'status --cluster',
    record<ClusterView>({ takenAt: number, machines: list(machine), total: orNull(status) }),
  ],
  [
    'tophosts',
    list(
      record<ReturnType<typeof rowsOf>[number]>({
        ...{ host: words, figures, connections: integer, down: flag },
      }),
    ),
  ],
  ['queue', record({ copies: list(queued), silent })],
  [
    'queue --cluster',
    record<SharedView>({
      ...{ takenAt: integer, count: integer },
      processes: list(
        record<SharedProcessView>({
          ...{ machine: words, pid: integer, at: integer, copies: integer },
          ...{ isSilent: flag, isHere: flag },
        }),
      ),
      copies: list(
        record<SharedCopyView>({
          ...{ mid: words, intake: words, machine: words, pid: integer, ageMs: integer },
          ...{ state: oneOf(...STATES, 'elsewhere', 'orphaned'), attempts: integer, size: integer },
        }),
      ),
    }),
  ],
  [
    'kept',
    record<KeptListed>({
      ...{ count: integer, bytes: integer },
      copies: list(record<KeptListed['copies'][number]>({ ...kept, intake: wordsOrNull })),
    }),
  ],
  [
    'history',
    record<LostListed>({
      count: integer,
      copies: list(record<LostListed['copies'][number]>({ ...lostCopy, kept: flag })),
    }),
  ],
  [
    'history --settings',
    record<SharedHistory>({
      ...{ revision: integer, changes: list(change), trouble: wordsOrNull },
      entries: list(record<SharedEntry>({ section: words, key: words, value: words })),
    }),
  ],
  [
    'show',
    record<AnswerTo<'show'>>({
      ...{ copy: orNull(queued), kept: orNull(record<KeptCopy>(kept)) },
      ...{ messages: list(message), silent },
    }),
  ],
  ['track', found],
  ['track --log', list(record<LogStep>({ time: words, uuid: words, text: words }))],
  [
    'track --cluster',
    record<FoundInCluster>({
      messages: list(
        record<TrackedMessage & { machine: string }>({
          ...{ transaction: words, at: integer, messageId: words, sender: words, machine: words },
          ...{ recipients: list(words), recipientCount: integer, steps: list(step) },
        }),
      ),
      silent: list(words),
    }),
  ],
  ['explain', explanation],
  ['check', checked],
  ['send-test', record({ mid: words, intake: words, delivered: flag, steps: list(step) })],
  ['hold', moved],
  ['release', moved],
  ['flush', moved],
  ['drop', record({ dropped: flag, silent })],
  ['replay', record<ReplayResult>({ replayed: integer, refused: integer, left: integer })],
  ...['enable', 'disable', 'set', 'unset', 'revert'].map((name) => [name, made] as const),
  [
    'adopt',
    record<AdoptResult>({ adopted: integer, refused: integer, left: integer, rest: integer }),
  ],
  [
    'settings',
    record<AnswerTo<'settings'>>({
      values: list(
        record<AnswerTo<'settings'>['values'][number]>({
          ...{ section: words, key: words, value: words },
          from: oneOf('shared', 'tdc.ini', 'default'),
        }),
      ),
      problems: list(words),
    }),
  ],
  ['version', record({ plugin: words, node: words })],
])

/** docs/answers.schema.json: one schema for each command. */
export function schemaFile(): unknown {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'What haraka-tdc COMMAND --json prints',
    description:
      'properties has the answer of each command. Moments are milliseconds since 1970; durations are milliseconds, as integers, and their names end in Ms.',
    type: 'object',
    properties: Object.fromEntries([...ANSWERS].map(([name, { schema }]) => [name, schema])),
    definitions: DEFINITIONS,
  }
}
