/** What becomes of one message. */
export interface Row {
  /** The queue plugin that it goes by, as `ways` has it. */
  readonly way: string
  readonly title: string
  /** Local parts, or whole addresses; the next hop knows what to do by the local part. */
  readonly to?: readonly string[]
  readonly fields?: Readonly<Record<string, string>>
  /** Of its body, 72 octets each; default 1. */
  readonly lines?: number
  /** The client leaves when the message has come so far. */
  readonly leaves?: 'at the next hop' | 'in the own plugin'
  /** The code for its final dot; undefined: the client has left. */
  readonly code: number | undefined
  /** Whose mailbox has it; how often for mailboxes that know no names. */
  readonly has: readonly string[] | number
  readonly copies: 0 | 1 | 2
  /** Whom the copy names, when that is not those who have it. */
  readonly names?: readonly string[]
  readonly doubt?: true
}

/** More than is kept in memory; more than fits into the buffers on the way to the next hop. */
const LONG = 5_000
const BEYOND_BUFFERS = 200_000

const bob = ['bob']
const hop = (what: string) => ({ fields: { 'X-Hop': what } })
const own = (what: string) => ({ way: 'own', title: what, fields: { 'X-Own': what } })
const note = (what: string, when = 'early') => ({ fields: { 'X-Note': what, 'X-When': when } })
const delivered = { code: 250, has: bob, copies: 1 } as const
const rejected = { code: 550, has: [], copies: 0 } as const
const deferred = { code: 450, has: [], copies: 0 } as const
const doubted = { code: 450, has: [], copies: 1, doubt: true } as const
const left = { code: undefined, leaves: 'at the next hop' } as const

/** Both lead the conversation by core's smtp_client. */
const BOTH: Row[] = ['smtp_forward', 'smtp_proxy'].flatMap((way): Row[] => [
  { way, title: 'is taken', ...delivered },
  { way, title: 'is taken for two', to: ['bob', 'ann'], ...delivered, has: ['bob', 'ann'] },
  { way, title: 'is refused at the final dot', ...hop('refuse'), ...rejected },
  { way, title: 'is deferred at the final dot', ...hop('defer'), ...deferred },
  { way, title: 'the next hop closes in DATA', to: ['cut'], lines: BEYOND_BUFFERS, ...deferred },
  { way, title: 'it closes after the final dot, with nothing', ...hop('drop'), ...doubted },
  { way, title: 'it closes after the final dot, with it', ...hop('keep'), ...doubted, has: bob },
])

/** When the client has gone, queue/smtp_proxy goes too: what is answered then, nobody hears. */
const LATE: Row[] = [
  {
    way: 'smtp_forward',
    title: 'is taken too late',
    ...hop('take late'),
    ...deferred,
    has: bob,
    copies: 1,
  },
  { way: 'smtp_forward', title: 'is refused too late', ...hop('refuse late'), ...deferred },
  {
    way: 'smtp_forward',
    title: 'the client leaves, it is taken',
    ...hop('take late'),
    ...left,
    has: bob,
    copies: 1,
  },
  {
    way: 'smtp_forward',
    title: 'the client leaves, it is refused',
    ...hop('refuse late'),
    ...left,
    has: [],
    copies: 0,
  },
  { way: 'smtp_proxy', title: 'is taken too late', ...hop('take late'), ...doubted, has: bob },
  { way: 'smtp_proxy', title: 'is refused too late', ...hop('refuse late'), ...doubted },
  {
    way: 'smtp_proxy',
    title: 'the client leaves, it is taken',
    ...hop('take late'),
    ...doubted,
    ...left,
    has: bob,
  },
  {
    way: 'smtp_proxy',
    title: 'the client leaves, it is refused',
    ...hop('refuse late'),
    ...doubted,
    ...left,
  },
]

export const ROWS: readonly Row[] = [
  ...BOTH,
  ...LATE,
  {
    way: 'smtp_proxy',
    title: 'the next hop accepts one whom the client was told to come back for',
    to: ['slow', 'bob'],
    ...delivered,
    has: ['bob', 'slow'],
    copies: 2,
  },
  { way: 'smtp_forward', title: 'the only recipient is refused', to: ['nobody'], ...rejected },
  {
    way: 'smtp_forward',
    title: 'the second recipient is refused',
    to: ['bob', 'nobody'],
    ...rejected,
  },
  {
    way: 'smtp_forward',
    title: 'the second recipient is deferred',
    to: ['bob', 'full'],
    ...deferred,
  },
  {
    way: 'smtp_forward',
    title: 'the connection is refused',
    to: ['bob@down.example'],
    ...deferred,
  },
  { way: 'smtp_forward', title: 'the next hop closes at RCPT', to: ['gone'], ...deferred },
  {
    way: 'smtp_forward',
    title: 'the client leaves at RCPT',
    to: ['slow'],
    ...left,
    has: [],
    copies: 0,
  },
  {
    way: 'smtp_forward',
    title: 'one for each: all are taken',
    to: ['bob@one.example', 'ann@one.example'],
    ...delivered,
    has: ['bob@one.example', 'ann@one.example'],
  },
  {
    way: 'smtp_forward',
    title: 'one for each: the first is refused',
    to: ['nobody@one.example', 'bob@one.example'],
    ...rejected,
  },
  {
    way: 'smtp_forward',
    title: 'one for each: the second is refused',
    to: ['bob@one.example', 'nobody@one.example'],
    code: 550,
    has: ['bob@one.example'],
    copies: 1,
  },
  {
    way: 'smtp_forward',
    title: 'one for each, and long: the second is refused',
    to: ['bob@one.example', 'nobody@one.example'],
    lines: LONG,
    code: 550,
    has: ['bob@one.example'],
    copies: 1,
  },
  {
    way: 'smtp_forward',
    title: 'one for each: it closes after the final dot of the first',
    to: ['bob@one.example', 'ann@one.example'],
    ...hop('drop'),
    ...doubted,
    names: ['bob@one.example'],
  },
  {
    way: 'smtp_forward',
    title: 'one for each: the first is taken too late',
    to: ['bob@one.example', 'ann@one.example'],
    ...hop('take late'),
    ...deferred,
    has: ['bob@one.example'],
    copies: 1,
  },
  {
    way: 'smtp_forward',
    title: 'one for each: it closes at the second',
    to: ['bob@one.example', 'gone@one.example'],
    code: 450,
    has: ['bob@one.example'],
    copies: 1,
  },
  {
    way: 'smtp_forward',
    title: 'one for each: the client leaves at the second',
    to: ['bob@one.example', 'slow@one.example'],
    ...left,
    has: ['bob@one.example'],
    copies: 1,
  },
  ...['bob@other.example', 'bob@checked.example'].flatMap((to): Row[] => [
    { way: 'smtp_forward', title: `${to}: is taken`, to: [to], ...delivered, has: [to] },
    { way: 'smtp_forward', title: `${to}: is refused`, to: [to], ...hop('refuse'), ...rejected },
    {
      way: 'smtp_forward',
      title: `${to}: it closes after the final dot, with it`,
      to: [to],
      ...hop('keep'),
      ...doubted,
      has: [to],
    },
    {
      way: 'smtp_forward',
      title: `${to}: the second recipient is refused`,
      to: [to, to.replace('bob', 'nobody')],
      ...rejected,
    },
  ]),
  {
    way: 'smtp_forward',
    title: 'a host of its own: one of another domain goes there too',
    to: ['bob@other.example', 'ann'],
    ...delivered,
    has: ['bob@other.example', 'ann'],
  },
  {
    way: 'discard',
    title: 'check_recipient wants smtp_forward, and discard is noted',
    to: ['bob@checked.example'],
    ...note('discard'),
    ...delivered,
    has: ['bob@checked.example'],
  },
  { way: 'lmtp', title: 'is queued, and delivered by LMTP', ...delivered },
  { way: 'smtp_bridge', title: 'is queued, and taken', ...delivered },
  {
    way: 'smtp_bridge',
    title: 'is taken for two',
    to: ['bob', 'ann'],
    ...delivered,
    has: ['bob', 'ann'],
  },
  {
    way: 'smtp_bridge',
    title: 'is queued, and refused by the next hop',
    ...hop('refuse'),
    ...delivered,
    has: [],
  },
  {
    way: 'smtp_bridge',
    title: 'is queued, and the next hop refuses one of two',
    to: ['bob', 'nobody'],
    ...delivered,
    names: ['bob', 'nobody'],
  },
  { way: 'outbound', title: 'is queued by core itself', ...delivered },
  { way: 'deliver', title: 'is queued', ...delivered },
  { way: 'qmail-queue', title: 'is queued', ...delivered, has: 1 },
  { way: 'qmail-queue', title: 'fails', ...hop('fail'), ...deferred, code: 451 },
  { way: 'qmail-queue', title: 'hangs', ...hop('hang'), ...deferred, copies: 1, doubt: true },
  { way: 'test', title: 'is written to a file', ...delivered, has: 1 },
  {
    way: 'discard',
    title: 'is discarded by a note',
    ...note('discard'),
    code: 250,
    has: [],
    copies: 0,
  },
  {
    way: 'discard',
    title: 'is discarded by a late note',
    ...note('discard', 'late'),
    code: 250,
    has: [],
    copies: 0,
  },
  { way: 'discard', title: 'goes on without a note', ...delivered },
  {
    way: 'discard',
    title: 'has a note, and is wanted by another',
    ...note('discard, wants another'),
    ...delivered,
  },
  {
    way: 'smtp_forward',
    title: 'has a discard note, and nobody who acts on it',
    ...note('discard'),
    ...delivered,
  },
  {
    way: 'quarantine',
    title: 'is held by an action',
    ...note('action ok'),
    code: 250,
    has: [],
    copies: 0,
  },
  {
    way: 'quarantine',
    title: 'is held by a late action',
    ...note('action ok', 'late'),
    code: 250,
    has: [],
    copies: 0,
  },
  { way: 'quarantine', title: 'is held and refused', ...note('action deny'), ...rejected },
  { way: 'quarantine', title: 'is kept and delivered', ...note('no action'), ...delivered },
  {
    way: 'quarantine',
    title: 'is kept, and refused by the next hop',
    to: ['nobody'],
    ...note('no action'),
    ...rejected,
  },
  ...['OK', 'CONT', 'DENY', 'DENYSOFT', 'DENYDISCONNECT', 'STOP', 'throw', 'hang'].flatMap(
    (end): Row[] => {
      const code = { OK: 250, DENY: 550, DENYDISCONNECT: 550, DENYSOFT: 450, hang: 450 }[end] ?? 451
      const doubt = end === 'OK' ? {} : ({ doubt: true } as const)
      const answered = end === 'OK' || end === 'hang'
      return [
        { ...own(`deliver ${end}`), code, has: 1, copies: 1, ...doubt },
        { ...own(`read ${end}`), code, has: 0, copies: 1, ...doubt },
        {
          ...own(`nothing ${end}`),
          code,
          has: 0,
          copies: answered ? 1 : 0,
          ...(answered && doubt),
        },
      ]
    },
  ),
  {
    ...own('deliver hang'),
    title: 'the client leaves after it',
    code: undefined,
    leaves: 'in the own plugin',
    has: 1,
    copies: 1,
    doubt: true,
  },
  {
    ...own('nothing hang'),
    title: 'the client leaves in it',
    code: undefined,
    leaves: 'in the own plugin',
    has: 0,
    copies: 1,
    doubt: true,
  },
]
