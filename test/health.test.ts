import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exposition } from '../plugins/tdc/web/metrics'
import { statusView } from '../plugins/tdc/web/status-view'
import { statusText } from '../plugins/tdc/cli/status-command'
import { rowsOf } from '../plugins/tdc/cli/tophosts-command'
import type { SharedTrouble, TdcEvent } from '../plugins/tdc/monitor/events'
import { ClockJumps } from '../plugins/tdc/monitor/clock-jump'
import { health, healthLines, REASONS } from '../plugins/tdc/monitor/health'
import { HealthWatch } from '../plugins/tdc/monitor/health-watch'
import { Recent } from '../plugins/tdc/monitor/over-time'
import type {
  DiskRoom,
  DomainStatus,
  IntakeStatus,
  LastFailure,
  RecentCopies,
  Status,
} from '../plugins/tdc/monitor/status'
import { figures, statusOf, TAKEN_AT } from './support/empty-status'
import { FakeClock } from './support/fake-clock'
import { repository } from './support/run'

const DAY = 86_400_000
const HOST = { name: 'mx1.example.org', machine: 'mx1' }

const POOL: DomainStatus = {
  waiting: 0,
  inFlight: 0,
  connecting: 0,
  idle: 0,
  busy: 0,
  closing: 0,
  lastAttempt: 'up',
  lastAttemptAt: TAKEN_AT,
  limits: { connections: null, messages: null, perSecond: null },
  tls: { sessions: {}, satisfied: {}, results: {}, certificateEnd: null },
}

type Given = Partial<Omit<IntakeStatus, 'recent'>> & {
  readonly recent?: Partial<RecentCopies>
  readonly up?: DomainStatus['lastAttempt']
  readonly ends?: number
}

const lastBy = (name: LastFailure['class']): LastFailure => ({
  ...{ at: TAKEN_AT - 1_000, class: name },
  text: 'x',
})

/** One intake of `scan.example` and its connections. */
function intake({ recent, up = 'up', ends, ...given }: Given): Partial<Status> {
  const none = figures({})
  return {
    intakes: {
      'a@scan.example': {
        ...none,
        ...given,
        domain: 'scan.example',
        recent: { ...none.recent, ...recent },
      },
    },
    domains: {
      'scan.example': {
        ...POOL,
        lastAttempt: up,
        tls: { ...POOL.tls, certificateEnd: ends === undefined ? null : TAKEN_AT + ends },
      },
    },
  }
}

const trouble = (kind: SharedTrouble) => ({ kind, why: 'connect ECONNREFUSED' })

const MB = 2 ** 20

const disk = (given: Partial<DiskRoom>): Partial<Status> => ({
  disk: { bytes: 9_000 * MB, minBytes: 100 * MB, inodes: 90_000, minInodes: 1_000, ...given },
})

/** What is given, and what is said of it: `state reason, state domain reason`. */
const SITUATIONS: readonly (readonly [what: string, given: Partial<Status>, said: string])[] = [
  ['nothing happened yet', {}, ''],
  ['copies arrive', intake({ recent: { delivered: 9 } }), ''],
  ['an intake that nothing was sent to', intake({ up: 'unknown' }), ''],
  ['switched off', { enabled: false }, 'warning disabled'],
  ['tdc.ini refused', { problems: ['x', 'y'] }, 'warning settings-refused'],
  ['a worker stopped', { silent: [{ worker: 2, pid: 7 }] }, 'warning worker-silent'],
  [
    'two workers stopped',
    { silent: [2, 3].map((worker) => ({ worker, pid: 7 })) },
    'warning worker-silent',
  ],
  ['the queue directory gone', { queueTrouble: 'it is gone' }, 'failing queue-unwritable'],
  ['one copy not written', { recent: { missed: 1, keptDropped: 0, notKept: 0 } }, 'failing missed'],
  ['Redis away', { sharing: trouble('away') }, 'warning redis-away'],
  ['Redis holds something else', { sharing: trouble('nonsense') }, 'warning redis-away'],
  ['shared settings refused here', { sharing: trouble('refused') }, 'warning settings-refused'],
  ['copies on the own disk', { storeAway: { why: 'OOM' } }, 'warning redis-away'],
  ['the clock set on', { clockJump: { at: TAKEN_AT, byMs: 3_600_000 } }, 'warning clock-jumped'],
  ['the clock set back', { clockJump: { at: TAKEN_AT, byMs: -60_000 } }, 'warning clock-jumped'],
  [
    'cut off from Redis and the intake',
    { ...intake({ up: 'down' }), sharing: trouble('away') },
    'failing scan.example unreachable, warning redis-away',
  ],
  [
    'given up, and not kept',
    { recent: { missed: 0, keptDropped: 0, notKept: 2 } },
    'failing not-kept',
  ],
  [
    'kept copies dropped',
    { recent: { missed: 0, keptDropped: 4, notKept: 0 } },
    'warning kept-full',
  ],
  ['room on the disk', disk({}), ''],
  ['less than twice what must stay free', disk({ bytes: 199 * MB }), 'warning disk-low'],
  ['just twice of it', disk({ bytes: 200 * MB }), ''],
  ['less than what must stay free', disk({ bytes: 99 * MB }), 'failing disk-low'],
  ['few inodes', disk({ inodes: 1_999 }), 'warning disk-low'],
  ['too few inodes', disk({ inodes: 999 }), 'failing disk-low'],
  [
    'too few inodes and octets',
    disk({ bytes: 0, inodes: 0 }),
    'failing disk-low, failing disk-low',
  ],
  ['a file system without inodes', disk({ inodes: null }), ''],
  ['a full disk that nobody asked to be told of', disk({ bytes: 0, minBytes: 0 }), ''],
  ['nobody knows of the disk', { disk: null }, ''],
  ['all held', { holds: ['all'], held: 3 }, 'warning held'],
  ['one intake held', { ...intake({}), holds: ['scan.example'] }, 'warning scan.example held'],
  ['one held that nothing was sent to', { holds: ['other.example'] }, 'warning other.example held'],
  ['down', intake({ up: 'down' }), 'failing scan.example unreachable'],
  [
    'down, copies given up',
    intake({ up: 'down', recent: { network: 5 } }),
    'failing scan.example unreachable',
  ],
  [
    'down, copies expired',
    intake({ up: 'down', recent: { expired: 5 } }),
    'failing scan.example unreachable',
  ],
  ['down by DNS', intake({ up: 'down', recent: { dns: 2 } }), 'failing scan.example unreachable'],
  [
    'down by its certificate',
    intake({ up: 'down', recent: { tls: 5 }, lastFailure: lastBy('tls') }),
    'failing scan.example tls',
  ],
  [
    'down by its certificate, before a copy was given up',
    intake({ up: 'down', lastFailure: lastBy('tls') }),
    'failing scan.example tls',
  ],
  [
    'greets nobody but with 554',
    intake({ up: 'down', recent: { reply: 5 }, lastFailure: lastBy('reply') }),
    'failing scan.example refusing',
  ],
  [
    'down, though copies were given up by its certificate before',
    intake({ up: 'down', recent: { tls: 5 }, lastFailure: lastBy('network') }),
    'failing scan.example unreachable, failing scan.example tls',
  ],
  ['refuses everything', intake({ recent: { reply: 75 } }), 'failing scan.example refusing'],
  ['refuses the only one', intake({ recent: { reply: 1 } }), 'failing scan.example refusing'],
  [
    'refuses one of many',
    intake({ recent: { reply: 1, delivered: 99 } }),
    'warning scan.example losing',
  ],
  [
    'took many, and refuses everything for a minute',
    intake({
      recent: { reply: 43, delivered: 138 },
      lastSuccess: TAKEN_AT - 60_000,
      lastFailure: { at: TAKEN_AT - 1_000, class: 'reply', text: '550 5.7.1 No' },
    }),
    'failing scan.example refusing',
  ],
  [
    'refused some, and took one in the last minute',
    intake({
      recent: { reply: 43, delivered: 138 },
      lastSuccess: TAKEN_AT - 59_000,
      lastFailure: { at: TAKEN_AT - 1_000, class: 'reply', text: '550 5.7.1 No' },
    }),
    'warning scan.example losing',
  ],
  [
    'refused some, and nothing came since it took the last',
    intake({
      recent: { reply: 43, delivered: 138 },
      lastSuccess: TAKEN_AT - 200_000,
      lastFailure: { at: TAKEN_AT - 210_000, class: 'reply', text: '550 5.7.1 No' },
    }),
    'warning scan.example losing',
  ],
  [
    'refuses as many as it takes',
    intake({ recent: { reply: 5, delivered: 5 } }),
    'failing scan.example losing',
  ],
  [
    'loses by several things',
    intake({ recent: { reply: 2, network: 3, delivered: 50 } }),
    'warning scan.example losing',
  ],
  ['TLS fails for all', intake({ recent: { tls: 3 } }), 'failing scan.example tls'],
  [
    'TLS failed for some',
    intake({ recent: { tls: 3, delivered: 9 } }),
    'warning scan.example losing',
  ],
  ['all expired', intake({ recent: { expired: 82 } }), 'failing scan.example losing'],
  ['cut off, up again', intake({ recent: { network: 4 } }), 'failing scan.example losing'],
  ['DNS failed, up again', intake({ recent: { dns: 4 } }), 'failing scan.example losing'],
  ['the oldest at half of its life', intake({ active: 1, oldestAgeMs: 60_000 }), ''],
  ['older', intake({ active: 9, oldestAgeMs: 60_001 }), 'warning scan.example slow'],
  ['nearly over', intake({ active: 9, oldestAgeMs: 116_000 }), 'warning scan.example slow'],
  [
    'old and held',
    { ...intake({ active: 9, oldestAgeMs: 116_000 }), holds: ['scan.example'] },
    'warning scan.example held',
  ],
  [
    'old and all held',
    { ...intake({ active: 9, oldestAgeMs: 116_000 }), holds: ['all'], held: 9 },
    'warning held',
  ],
  [
    'old for a longer life',
    { ...intake({ active: 9, oldestAgeMs: 116_000 }), maxAgeMs: 600_000 },
    '',
  ],
  ['a certificate for 30 days', intake({ ends: 30 * DAY }), ''],
  ['for 14', intake({ ends: 14 * DAY }), ''],
  ['for less', intake({ ends: 14 * DAY - 1 }), 'warning scan.example certificate-ends'],
  ['for 4', intake({ ends: 4 * DAY }), 'warning scan.example certificate-ends'],
  ['ended now', intake({ ends: 0 }), 'failing scan.example certificate-ends'],
  ['ended long ago', intake({ ends: -DAY }), 'failing scan.example certificate-ends'],
  [
    'slow and losing',
    intake({ active: 50, oldestAgeMs: 119_000, recent: { expired: 82, delivered: 100 } }),
    'warning scan.example losing, warning scan.example slow',
  ],
  [
    'several things of the whole',
    { enabled: false, problems: ['x'], silent: [{ worker: 1, pid: 1 }] },
    'warning disabled, warning settings-refused, warning worker-silent',
  ],
  [
    'the worst first',
    { ...intake({ up: 'down' }), enabled: false },
    'failing scan.example unreachable, warning disabled',
  ],
  [
    'one intake of two',
    {
      intakes: {
        ...intake({ recent: { delivered: 3 } }).intakes,
        'b@other.example': {
          ...figures({ recent: { ...figures({}).recent, reply: 2 } }),
          domain: 'other.example',
        },
      },
      domains: { ...intake({}).domains, 'other.example': POOL },
    },
    'failing other.example refusing',
  ],
  [
    'two addresses of one domain',
    {
      intakes: {
        'a@scan.example': {
          ...figures({ recent: { ...figures({}).recent, delivered: 2 } }),
          domain: 'scan.example',
        },
        'b@scan.example': {
          ...figures({ recent: { ...figures({}).recent, reply: 1 } }),
          domain: 'scan.example',
        },
      },
    },
    'warning scan.example losing',
  ],
  [
    'connections without a copy yet',
    { domains: { 'scan.example': { ...POOL, lastAttempt: 'down' } } },
    'failing scan.example unreachable',
  ],
  [
    'a domain named as what every object has',
    { holds: ['constructor'] },
    'warning constructor held',
  ],
  ['a failure of yesterday', intake({ lastFailure: { at: 1, class: 'reply', text: 'x' } }), ''],
  ['hard bounces of yesterday', intake({ hardBounced: 9, expired: 3 }), ''],
  ['retries that are due', { deferred: 4, ...intake({ active: 4, softBounced: 4 }) }, ''],
  [
    'mail that is not copied',
    { messages: { ...statusOf({}).messages, inDoubt: 5, withdrawn: 7 } },
    '',
  ],
]

describe('how it is', () => {
  for (const [what, given, said] of SITUATIONS) {
    it(`${what}: ${said || 'ok'}`, async () => {
      const status = statusOf(given)
      const judged = health(status)
      const findings = judged.findings.map(({ state, domain, reason }) =>
        [state, ...(domain === null ? [] : [domain]), reason].join(' '),
      )
      assert.equal(findings.join(', '), said)
      const state = said === '' ? 'ok' : /\bfailing\b/.test(said) ? 'failing' : 'warning'
      // Every display says the same.
      assert.equal(judged.state, state)
      assert.equal(statusText(status)[0], `State         ${state}`)
      assert.equal(statusView(status, { showAddresses: false }, HOST).state, state)
      const failing = new Set(
        judged.findings.flatMap((each) => (each.state === 'failing' && each.domain) || []),
      )
      for (const { host, figures: row, down } of rowsOf(status).slice(1)) {
        assert.equal(down, failing.has(status.intakes[host]?.domain ?? ''), `${host} ${row.active}`)
      }
      const metrics = await exposition(status)
      for (const reason of Object.keys(REASONS)) {
        const worst = findings.filter((each) => each.endsWith(` ${reason}`)).sort()[0]
        const value = worst === undefined ? 0 : worst.startsWith('failing') ? 2 : 1
        assert.match(
          metrics,
          new RegExp(`^haraka_tdc_health\\{reason="${reason}"\\} ${value}$`, 'm'),
        )
      }
    })
  }

  it('has a line for each thing that is wrong, and an end', () => {
    const holds = Array.from({ length: 30 }, (_, at) => `d${at}.example`)
    const lines = healthLines(health(statusOf({ holds })))
    assert.equal(lines.length, 9)
    assert.equal(lines.at(-1), 'and 22 more')
  })

  it('has a paragraph for each reason in docs/operations.md, and README leads there', () => {
    const { operations, readme } = DOCUMENTS
    assert.deepEqual(undocumented(Object.keys(REASONS), operations, readme), [])
    // Control: a reason that nobody wrote of, and a paragraph that has lost its command.
    assert.deepEqual(undocumented(['moon-full'], operations, readme), ['moon-full'])
    const shortened = operations.replace('timedatectl status', '')
    assert.deepEqual(undocumented(['clock-jumped'], shortened, readme), ['clock-jumped'])
    const titles = [...reasonsPart(operations).matchAll(/^### (.+)$/gm)].map(([, title]) => title)
    assert.deepEqual(titles, Object.keys(REASONS))
  })

  it('says of a clock which way it was set, and of Redis why it cannot be had', () => {
    const clockJump = { at: TAKEN_AT, byMs: -60_000 }
    assert.deepEqual(healthLines(health(statusOf({ clockJump, sharing: trouble('away') }))), [
      'redis-away: what machines share: Redis cannot be reached: connect ECONNREFUSED',
      'clock-jumped: set back by 60 s to 2024-02-16T19:55:34Z',
    ])
  })

  it('says of an intake that is down what was in the way of the last try', () => {
    const lastFailure = { at: 5, class: 'dns', text: 'x' } as const
    assert.deepEqual(healthLines(health(statusOf(intake({ up: 'down', lastFailure })))), [
      'scan.example unreachable: nothing was delivered yet, the last try failed by DNS',
    ])
  })

  it('says what was seen', () => {
    const given = intake({ recent: { reply: 2, expired: 1, delivered: 50 }, ends: 4 * DAY + 1 })
    assert.deepEqual(healthLines(health(statusOf(given))), [
      'scan.example losing: 2 by its reply, 1 by their age given up in the last 5 minutes, 50 delivered',
      'scan.example certificate-ends: in 4 days',
    ])
  })
})

const DOCUMENTS = {
  operations: readFileSync(join(repository, 'docs', 'operations.md'), 'utf8'),
  readme: readFileSync(join(repository, 'README.md'), 'utf8'),
}

/** Reasons without what it is, what it costs, what to do and a command, under their own anchor. */
function undocumented(reasons: readonly string[], operations: string, readme: string): string[] {
  return reasons.filter((reason) => {
    const [, paragraph = ''] =
      new RegExp(`^### ${reason}\n\n([^]*?)(?=^##)`, 'm').exec(reasonsPart(operations)) ?? []
    const isWhole = /^\S[^]* \*\*Costs\*\* [^]+\*\*Do:\*\*\s[^]+```sh\n\S[^]*```/.test(
      paragraph.replaceAll('\n**', ' **'),
    )
    return !isWhole || !readme.includes(`[${reason}](docs/operations.md#${reason})`)
  })
}

function reasonsPart(operations: string): string {
  return operations
    .slice(operations.indexOf('## Reasons'), operations.indexOf('## What you see'))
    .concat('## ')
}

describe('the clock', () => {
  const clock = new FakeClock()
  let off = 0
  const jumps = new ClockJumps({
    wall: () => clock.wall() + off,
    monotonic: () => clock.monotonic(),
  })

  const rows: readonly (readonly [
    what: string,
    minutes: number,
    set: number,
    said: number | null,
  ])[] = [
    ['goes on', 60, 0, null],
    ['is corrected little by little', 1, 9_999, null],
    ['is set by an hour', 1, 3_600_000, 3_600_000],
    ['goes on from there', 59, 0, 3_600_000],
    ['has gone on for an hour', 1, 0, null],
    ['is set back', 1, -3_600_000, -3_600_000],
    ['is set once more, which is the last', 1, 20_000, 20_000],
    ['has gone on since', 61, 0, null],
  ]
  for (const [what, minutes, set, said] of rows) {
    it(`${what}: ${said === null ? 'nothing is said' : `by ${said / 1000} s`}`, async () => {
      await clock.advance(minutes * 60_000)
      off += set
      const seen = jumps.look()
      assert.equal(seen?.byMs ?? null, said)
      if (set !== 0 && seen) assert.equal(seen.at, clock.wall() + off)
    })
  }
})

describe('what happened lately', () => {
  it('is the last five minutes, also with the clock set back', () => {
    const recent = new Recent(['a', 'b'])
    const begin = 1_700_000_040_000
    recent.count('a', begin)
    recent.count('b', begin + 60_000)
    recent.count('a', begin + 30_000)
    assert.deepEqual(recent.value(begin + 4 * 60_000), { a: 2, b: 1 })
    assert.deepEqual(recent.value(begin + 5 * 60_000), { a: 1, b: 1 })
    assert.deepEqual(recent.value(begin + 60 * 60_000), { a: 0, b: 0 })
    for (let minute = 2; minute < 100; minute++) recent.count('a', begin + minute * 60_000)
    assert.deepEqual(recent.value(begin + 99 * 60_000), { a: 5, b: 0 })
  })
})

describe('a trouble', () => {
  it('has a line when it begins and one when it is over, however many copies it costs', async () => {
    const clock = new FakeClock()
    const events: TdcEvent[] = []
    let status = statusOf({})
    const watch = new HealthWatch(
      () => Promise.resolve(status),
      clock,
      (event) => events.push(event),
    )
    const look = async () => {
      await clock.advance(10_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    watch.start()
    await look()
    for (let copies = 1; copies < 9; copies++) {
      status = statusOf({ ...intake({ recent: { reply: copies } }), enabled: false })
      await look()
    }
    status = statusOf({})
    await look()
    watch.stop()
    status = statusOf(intake({ up: 'down' }))
    await look()
    assert.deepEqual(events, [
      {
        kind: 'trouble',
        text: 'scan.example refusing: 1 by its reply given up in the last 5 minutes, 0 delivered',
      },
      { kind: 'trouble-over', what: 'scan.example refusing', seconds: 80 },
    ])
  })
})
