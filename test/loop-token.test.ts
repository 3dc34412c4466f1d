import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { parseToken, signToken, type Token, tokenProblem } from '../plugins/tdc/journal/loop-token'
import { MessageDigest } from '../plugins/tdc/journal/report-digest'
import { bccWrapping, journalWrapping, type Wrapping } from '../plugins/tdc/queue/wrapping'
import { Unstuffer } from '../plugins/tdc/base/unstuffer'
import { Dice } from './support/dice'
import { factsWith } from './support/journal'

const KEY = Buffer.from('0123456789abcdef0123456789abcdef')
const NOW = 1_800_000_000
const DAY = 86_400
const SAID: Token = {
  ...{ id: '5F2A0B6C.1.tdc1', gateway: 'mx.example.com', time: NOW },
  ...{ lead: 400, digest: 'A'.repeat(43) },
}
const CHECK = { keys: [KEY], now: NOW, reversePath: '', ownReversePath: '' }
const isOurs = (value: string, check = {}) =>
  typeof tokenProblem(value, { ...CHECK, ...check }) !== 'string'

describe('the token of a report', () => {
  const value = signToken(KEY, SAID, '')

  it('is read back, folded or not', () => {
    for (const text of [
      value,
      ` ${value}\n`,
      value.replace(/; /g, ';\r\n\t'),
      value.replace(/ /g, ''),
    ]) {
      assert.deepEqual(tokenProblem(text, CHECK), SAID)
    }
  })

  const rows: [what: string, value: string, check: object, ours: boolean][] = [
    ['within 7 days', value, { now: NOW + 7 * DAY }, true],
    ['after 7 days', value, { now: NOW + 7 * DAY + 1 }, false],
    ['by a clock that is behind', value, { now: NOW - 3_600 }, true],
    ['of days to come', value, { now: NOW - 3_601 }, false],
    ['with an old key', value, { keys: [randomBytes(32), KEY] }, true],
    ['with a key of somebody else', value, { keys: [randomBytes(32)] }, false],
    ['with another sender', value, { reversePath: 'evil@phish.test' }, false],
    [
      'with the reverse-path that is set',
      signToken(KEY, SAID, 'j@mx.test'),
      { reversePath: 'j@mx.test' },
      true,
    ],
    [
      'with that of another gateway',
      signToken(KEY, SAID, 'j@mx.test'),
      { reversePath: 'x@mx.test' },
      false,
    ],
    [
      'with the null one that a next hop made of it',
      signToken(KEY, SAID, 'j@mx.test'),
      { ownReversePath: 'j@mx.test' },
      true,
    ],
    ...(['id', 'gateway', 'time', 'lead'] as const).map(
      (name): [string, string, object, boolean] => {
        const said = String(SAID[name])
        return [
          `of another ${name}`,
          value.replace(`=${said};`, `=${said.slice(0, -1)}7;`),
          {},
          false,
        ]
      },
    ),
    ['of another content', value.replace('bh=A', 'bh=B'), {}, false],
    ['of an earlier version', 'v=1; id=x; mac=' + '0'.repeat(64), {}, false],
    ['twice', `${value}, ${value}`, {}, false],
    ['that is long', ' '.repeat(10_000) + value, {}, false],
    ['that is empty', '', {}, false],
  ]
  for (const [what, text, check, ours] of rows) {
    it(`${ours ? 'counts' : 'does not count'} ${what}`, () =>
      assert.equal(isOurs(text, check), ours))
  }

  it('never throws at any text (fuzz)', () => {
    const dice = Dice.thrown('tokens')
    for (let round = 0; round < 5_000; round++) {
      const at = dice.below(value.length)
      const other = String.fromCharCode(dice.below(300))
      const text = value.slice(0, at) + other + value.slice(at + 1)
      const isSame = text.replace(/[ \t\r\n]/g, '') === value.replace(/[ \t\r\n]/g, '')
      assert.equal(isOurs(text), isSame, JSON.stringify(text))
    }
  })
})

const ORIGINAL = Buffer.from(
  'From: a@b.example\r\nSubject: one\r\n two\r\nX-A: b\r\n\r\nhello\r\n.dot\r\n\r\n--\r\nlast\r\n',
)

/** A copy as the intake gets it, and so as it comes back. */
function copyOf(
  wrap: (token: string | ((lead: number, digest: string) => string)) => Wrapping,
  pieces: number,
) {
  const sign = (lead: number, digest: string) => signToken(KEY, { ...SAID, lead, digest }, '')
  const pass = wrap(sign).begin()
  const size = Math.ceil(ORIGINAL.length / pieces)
  const body: Buffer[] = []
  for (let at = 0; at < ORIGINAL.length; at += size) {
    body.push(pass.push(ORIGINAL.subarray(at, at + size)))
  }
  const { rest, traits } = pass.end()
  const whole = Buffer.concat([pass.head(traits), ...body, rest])
  return new Unstuffer().push(whole).toString('latin1')
}

const FORMATS: Readonly<
  Record<string, (token: Parameters<typeof bccWrapping>[1]['token']) => Wrapping>
> = {
  journal: (token) => {
    const options = {
      markerValue: 'journal',
      remoteIpHeader: 'X-IP',
      bareCr: 'as_postfix',
      token,
    } as const
    return journalWrapping(factsWith({}), options, randomBytes)
  },
  bcc: (token) => bccWrapping(factsWith({}), { bareCr: 'as_postfix', token }),
}

/** Whether the token in a message proves it, read in pieces of so many octets. */
function proven(message: string, size = 7): boolean {
  const [, value = ''] = /^X-Haraka-TDC:(.*(?:\r\n[ \t].*)*)/m.exec(message) ?? []
  const token = parseToken(value)?.token
  if (!token) return false
  const content = new MessageDigest(token.lead)
  const octets = Buffer.from(message, 'latin1')
  for (let at = 0; at < octets.length; at += size) content.push(octets.subarray(at, at + size))
  return content.end() === token.digest
}

for (const [format, wrap] of Object.entries(FORMATS)) {
  describe(`a copy in the format ${format} that comes back`, () => {
    const copy = copyOf(wrap, 1)
    const header = copy.slice(0, copy.indexOf('\r\n\r\n'))

    it('is proven by its token, whatever pieces it was written and read in', () => {
      for (const pieces of [1, 2, 5, 50]) {
        const other = copyOf(wrap, pieces)
        for (const size of [1, 3, 64, 1_000_000])
          assert.ok(proven(other, size), `${pieces}, ${size}`)
      }
    })

    const changes: [what: string, changed: string, isProven: boolean][] = [
      ['trace header on top', `Received: from x\r\n\tby y\r\nReturn-Path: <>\r\n${copy}`, true],
      [
        'a verdict at the end of its header',
        copy.replace('\r\n\r\n', '\r\nX-Spam: no\r\n\r\n'),
        true,
      ],
      ['its header folded otherwise', copy.replace(/^Subject: (\S+) /m, 'Subject: $1\r\n\t'), true],
      ['another subject', copy.replace(/^Subject: .*/m, 'Subject: phish'), false],
      ['a second From', `From: boss@example.com\r\n${copy}`, false],
      ['a Reply-To', `Reply-To: evil@phish.test\r\n${copy}`, false],
      ['another octet at its end', `${copy}x\r\n`, false],
      ['another octet in the original', copy.replace('hello', 'hallo'), false],
      ['another octet in front of the original', copy.replace('\r\n\r\n', '\r\n\r\nx'), false],
      ['another body', `${header}\r\n\r\nnothing of a report here\r\n`, false],
      ['no body', `${header}\r\n`, false],
    ]
    for (const [what, changed, isProven] of changes) {
      it(`with ${what} is ${isProven ? '' : 'not '}proven`, () => {
        assert.equal(proven(changed), isProven)
      })
    }
  })
}
