import assert from 'node:assert/strict'
import { matchesHost } from '../plugins/tdc/route/host-pattern'
import { parseStsPolicy } from '../plugins/tdc/route/sts-policy'
import { stsIdOf } from '../plugins/tdc/route/sts-record'
import { Dice } from './support/dice'

const POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mx.scan.example\r\nmax_age: 86400\r\n'

/** mode, mx and seconds as one text; or why it is none. */
function parsed(text: string): string {
  const result = parseStsPolicy(text)
  if (result.kind === 'invalid') return result.why
  const { mode, mx, maxAge } = result.policy
  return `${mode} [${mx.join(' ')}] ${maxAge / 1000}`
}

describe('MTA-STS: the policy file (RFC 8461 section 3.2)', () => {
  const table: readonly (readonly [what: string, text: string, expected: string])[] = [
    ['as in the RFC', POLICY, 'enforce [mx.scan.example] 86400'],
    ['lines that end with LF', POLICY.replaceAll('\r', ''), 'enforce [mx.scan.example] 86400'],
    ['no end of the last line', POLICY.trimEnd(), 'enforce [mx.scan.example] 86400'],
    ['empty lines at the end', `${POLICY}\r\n \r\n`, 'enforce [mx.scan.example] 86400'],
    [
      'blanks behind values, none before',
      'version:STSv1 \t\nmode:testing  \nmx:a.example\t\nmax_age:1',
      'testing [a.example] 1',
    ],
    [
      'any order, several hosts, a wildcard, capitals',
      'max_age: 5\nmx: *.A.example\nmx: B.example\nmode: enforce\nversion: STSv1\n',
      'enforce [*.a.example b.example] 5',
    ],
    [
      'unknown fields, also empty ones and ones beyond ASCII',
      `x-a.b_c: ü\nx:\n${POLICY}`,
      'enforce [mx.scan.example] 86400',
    ],
    [
      'of fields that stand twice the first counts',
      `${POLICY}mode: none\nmax_age: x\nversion: STSv2\n`,
      'enforce [mx.scan.example] 86400',
    ],
    ['mode none needs no mx', 'version: STSv1\nmode: none\nmax_age: 60\n', 'none [] 60'],
    [
      'a year at the most',
      POLICY.replace('86400', '9999999999'),
      'enforce [mx.scan.example] 31557600',
    ],
    ['nothing', '', 'the version is not STSv1'],
    ['another version', POLICY.replace('STSv1', 'STSv2'), 'the version is not STSv1'],
    ['no mode', POLICY.replace(/mode.*\r\n/, ''), 'the mode is not enforce, testing or none'],
    ['an unknown mode', POLICY.replace('enforce', 'x'), 'the mode is not enforce, testing or none'],
    [
      'a mode in capitals',
      POLICY.replace('enforce', 'Enforce'),
      'the mode is not enforce, testing or none',
    ],
    ['no max_age', POLICY.replace(/max_age.*\r\n/, ''), 'max_age is not a number of seconds'],
    ['a negative max_age', POLICY.replace('86400', '-1'), 'max_age is not a number of seconds'],
    ['11 digits', POLICY.replace('86400', '00000000001'), 'max_age is not a number of seconds'],
    ['no mx', POLICY.replace(/mx.*\r\n/, ''), 'there is no mx'],
    ['an mx that is an address', POLICY.replace('mx.scan', '192.0.2.1/'), 'an mx is no host name'],
    ['a wildcard within', POLICY.replace('mx.scan', 'mx.*'), 'an mx is no host name'],
    ['a wildcard alone', POLICY.replace('mx.scan.example', '*'), 'an mx is no host name'],
    ['a blank before a name', ` ${POLICY}`, 'a line is no field'],
    ['a blank before the colon', POLICY.replace('mode:', 'mode :'), 'a line is no field'],
    ['a line without a colon', `${POLICY}mode\n`, 'a line is no field'],
    ['CR alone', POLICY.replaceAll('\r\n', '\r'), 'a line is no field'],
    ['NUL', POLICY.replace('86400', '86400\0'), 'a line is no field'],
    ['what is not UTF-8', `${POLICY}x: \ufffd\n`, 'a line is no field'],
    ['HTML', '<!doctype html>\n<p>Not found', 'a line is no field'],
  ]
  for (const [what, text, expected] of table) {
    it(what, () => assert.equal(parsed(text), expected))
  }
})

describe('MTA-STS: the TXT record (RFC 8461 section 3.1)', () => {
  const table: readonly (readonly [what: string, records: string[][], id: string | undefined])[] = [
    ['as in the RFC', [['v=STSv1; id=20160831085700Z;']], '20160831085700Z'],
    ['in pieces', [['v=STS', 'v1; id=2016', '08;']], '201608'],
    ['without blanks and the last delimiter', [['v=STSv1;id=1']], '1'],
    ['with tabs around the delimiters', [['v=STSv1;\t id=1 ;\t']], '1'],
    ['with unknown fields', [['v=STSv1; a.b=c:d; id=1']], '1'],
    ['of two ids the first', [['v=STSv1; id=1; id=2']], '1'],
    ['beside other records', [['v=spf1 -all'], ['v=STSv1; id=1'], ['v=STSv12; id=2']], '1'],
    ['none', [], undefined],
    ['two of them', [['v=STSv1; id=1'], ['v=STSv1; id=1']], undefined],
    ['no id', [['v=STSv1;']], undefined],
    ['an empty id', [['v=STSv1; id=;']], undefined],
    ['an id of 33 characters', [[`v=STSv1; id=${'1'.repeat(33)}`]], undefined],
    ['an id with other characters', [['v=STSv1; id=2016-08']], undefined],
    ['an empty field', [['v=STSv1;; id=1']], undefined],
    ['a field without a value', [['v=STSv1; a; id=1']], undefined],
    ['the version not first', [['id=1; v=STSv1;']], undefined],
    ['a blank before the version', [[' v=STSv1; id=1']], undefined],
  ]
  for (const [what, records, id] of table) {
    it(what, () => assert.equal(stsIdOf(records), id))
  }
})

describe('MTA-STS: patterns of hosts (RFC 8461 section 4.1)', () => {
  const table: readonly (readonly [pattern: string, host: string, matches: boolean])[] = [
    ['mx.example', 'mx.example', true],
    ['mx.example', 'a.mx.example', false],
    ['*.example.com', 'mail.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'foo.bar.example.com', false],
    ['*.example.com', '.example.com', false],
    ['*.example.com', 'mailexample.com', false],
    ['*.example.com', '*.example.com', true],
    ['*.1', '127.0.0.1', false],
    ['mx.example', '', false],
  ]
  for (const [pattern, host, matches] of table) {
    it(`${pattern} ${matches ? 'is' : 'is not'} ${host || "''"}`, () =>
      assert.equal(matchesHost(pattern, host), matches))
  }
})

const ROUNDS = 10_000
/** What a policy may hold, said once more by one expression. */
const MX = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/

describe('MTA-STS: whatever the web server or the DNS answers', () => {
  it('a policy that was written is read as it was written', () => {
    const dice = Dice.thrown('written policies')
    for (let round = 0; round < ROUNDS; round++) {
      const blanks = () => dice.list(2, () => dice.pick([' ', '\t'])).join('')
      const label = () => dice.pick(['a', 'mx-1', '0', 'xn--bcher-kva', 'a'.repeat(63)])
      const mx = dice.list(3, () => `${dice.pick(['', '*.'])}${label()}.${label()}`)
      const mode = mx.length > 0 ? dice.pick(['enforce', 'testing', 'none']) : 'none'
      const seconds = dice.below(31_557_601)
      const fields: [string, string][] = [
        ['version', 'STSv1'],
        ['mode', mode],
        ['max_age', String(seconds)],
        ...mx.map((each): [string, string] => ['mx', each]),
        ...dice.list(2, (): [string, string] => [
          `x${dice.below(9)}`,
          dice.pick(['', 'a:b', 'ü x']),
        ]),
      ]
      // mx keep their order among each other; where the others stand says nothing.
      const at = dice.below(fields.length)
      const lines = [...fields.slice(at), ...fields.slice(0, at)]
      const expected = lines.filter(([name]) => name === 'mx').map(([, value]) => value)
      const end = dice.pick(['\n', '\r\n'])
      const text = lines.map(([n, v]) => `${n}:${blanks()}${v}${blanks()}`).join(end)
      const result = parseStsPolicy(text)
      assert.deepEqual(
        result,
        { kind: 'policy', policy: { mode, mx: expected, maxAge: seconds * 1000 } },
        JSON.stringify(text),
      )
    }
  })

  it('is a policy of the right form or none, and never throws', () => {
    const dice = Dice.thrown('broken policies')
    const pieces = [...POLICY.split(/(?<=[: .\n])/), '\0', '\ufffd', '*.', ':', '\r', '\n', '𝒳']
    const outcomes = { policy: 0, invalid: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      const text = round % 3 === 0 ? dice.octets(80).toString('utf8') : broken(dice, POLICY, pieces)
      const result = parseStsPolicy(text)
      outcomes[result.kind]++
      if (result.kind === 'invalid') continue
      const { mode, mx, maxAge } = result.policy
      assert(['enforce', 'testing', 'none'].includes(mode), text)
      assert(
        mx.every((each) => MX.test(each)),
        text,
      )
      assert(mode === 'none' || mx.length > 0, text)
      assert(Number.isSafeInteger(maxAge) && maxAge >= 0 && maxAge <= 31_557_600_000, text)
    }
    assert(outcomes.policy > 0 && outcomes.invalid > 0, JSON.stringify(outcomes))
  })

  it('of a record, is an id of the right form or none, and never throws', () => {
    const dice = Dice.thrown('broken records')
    const record = 'v=STSv1; id=20160831085700Z; a=b;'
    const pieces = [...record.split(/(?<=[=; ])/), '\0', ';;', 'ü', 'v=STSv1;']
    let ids = 0
    for (let round = 0; round < ROUNDS; round++) {
      const id = stsIdOf(dice.list(2, () => dice.list(3, () => broken(dice, record, pieces))))
      if (id === undefined) continue
      ids++
      assert.match(id, /^[A-Za-z0-9]{1,32}$/)
    }
    assert(ids > 0)
  })

  it('takes linear time: what took quadratic time would not end before the test does', () => {
    const long = 8 * 1024 * 1024
    const blanks = ' '.repeat(long)
    for (const text of [
      blanks,
      `x:x${blanks}x`,
      'x:\n'.repeat(long / 4),
      `x:${';'.repeat(long)}`,
    ]) {
      assert.equal(parseStsPolicy(`${text}\nno field`).kind, 'invalid')
      assert.equal(stsIdOf([[`v=STSv1;${text};id`]]), undefined)
    }
    const host = '0-'.repeat(long / 2)
    assert.equal(parseStsPolicy(POLICY.replace('mx.scan', host)).kind, 'invalid')
  })
})

/** Pieces put in, taken out or changed, a few times. */
function broken(dice: Dice, text: string, pieces: readonly string[]): string {
  let changed = text
  for (let times = dice.below(3); times > 0; times--) {
    const at = dice.below(changed.length + 1)
    const out = dice.below(8)
    changed = changed.slice(0, at) + dice.pick(['', dice.pick(pieces)]) + changed.slice(at + out)
  }
  return changed
}
