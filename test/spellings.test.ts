import assert from 'node:assert/strict'
import { routesOf, spellingsOf } from '../plugins/tdc/settings/address'
import { Dice } from './support/dice'
import { problemsOf, settingsOf } from './support/settings-source'

const NFC = 'jos\u00e9@example.com'
const NFD = 'jose\u0301@example.com'

/** The list holds the first; mail comes to the second, which is the same mailbox. */
const ALIKE: readonly (readonly [listed: string, given: string])[] = [
  ['victim@example.com', 'VICTIM@example.com'],
  ['victim@example.com', '"victim"@example.com'],
  ['victim@example.com', '"vic\\tim"@example.com'],
  ['victim@example.com', 'victim+news@example.com'],
  ['victim@example.com', 'victim+a+b@example.com'],
  ['victim@example.com', 'victim+@example.com'],
  ['victim@example.com', '"victim+a b"@example.com'],
  ['victim+a@example.com', 'Victim+A+b@example.com'],
  ['victim@', 'victim+news@example.com'],
  [NFC, NFD],
  [NFD, NFC],
  [NFC, 'JOSE\u0301+x@example.com'],
  ['susan@example.com', '\u017fu\u017fan@example.com'],
  ['kim@example.com', '\u212aim@example.com'],
  ['stra\u00dfe@example.com', 'STRASSE@example.com'],
  ['\u03c3\u03b1\u03c2@example.com', '\u03a3\u0391\u03a3@example.com'],
  ['@b\u00fccher.example', 'x@xn--bcher-kva.example'],
  ['@bu\u0308cher.example', 'x@xn--bcher-kva.example'],
  ['@XN--BCHER-KVA.example', 'x@xn--bcher-kva.example'],
  ['victim@example.com.', 'victim@example.com'],
  ['victim@example.com', 'victim@example.com.'],
  ['@.example.com', 'victim+x@sub.example.com.'],
]
const NOT_ALIKE: readonly (readonly [listed: string, given: string])[] = [
  ['victim+a@example.com', 'victim@example.com'],
  ['victim@example.com', 'victim-news@example.com'],
  ['victim@example.com', '+victim@example.com'],
  ['victim@example.com', 'victima@example.com'],
  ['victim@example.com', '"victim "@example.com'],
  ['jose@example.com', NFC],
]

describe('one mailbox, many spellings', () => {
  const listed = (address: string, more = '') =>
    settingsOf(
      `[main]\nenabled=true\nintake_address=a@scan.example\n${more}\n` +
        `[policy.x]\nrecipients=listed\nrecipient_list[]=${address}\nintake=default\n`,
    ).policies
  const has = (list: string, given: string, more?: string) =>
    listed(list, more).match('', given).policy === 'x'

  for (const [list, given] of ALIKE) {
    it(`${list} lists ${given}`, () => assert.equal(has(list, given), true))
  }
  for (const [list, given] of NOT_ALIKE) {
    it(`${list} does not list ${given}`, () => assert.equal(has(list, given), false))
  }

  it('as recipient_delimiter says', () => {
    assert.equal(has('a@b.example', 'a+x@b.example', 'recipient_delimiter=off'), false)
    assert.equal(has('a@b.example', 'a-x+y@b.example', 'recipient_delimiter=+-'), true)
    assert.deepEqual(problemsOf('[main]\nrecipient_delimiter=plus'), [
      'tdc.ini [main] recipient_delimiter=plus: must be characters of !#$&*+-./=?^_`|~, or off',
    ])
  })

  it('of senders too', () => {
    const { policies } = settingsOf(
      '[policy.x]\nsenders=not_listed\nsender_list[]=news@list.example\nintake=no\n',
    )
    assert.equal(policies.match('news+7@list.example', 'a@b.example').policy, 'DEFAULT')
    assert.equal(policies.match('', 'a@b.example').policy, 'x')
  })

  const ROUTES: readonly (readonly [given: string, ...routes: string[]])[] = [
    ['victim%example.com@gw.example', 'victim@example.com'],
    ['"victim@example.com"@gw.example', 'victim@example.com'],
    ['example.com!victim@gw.example', 'victim@example.com'],
    ['a%b.example%c.example@gw.example', 'a%b.example@c.example', 'a@b.example'],
    ['b.example!c.example!a@gw.example', 'c.example!a@b.example', 'a@c.example'],
    ['100%@gw.example'],
    ['%x@gw.example'],
    ['!x@gw.example'],
    ['x@gw.example'],
    ['postmaster'],
    [''],
  ]
  for (const [given, ...routes] of ROUTES) {
    it(`${given} may go on to ${routes.join(', ') || 'nobody else'}`, () => {
      assert.deepEqual(routesOf(given), routes)
    })
  }

  it('a route is a reason for a copy, and none against one', () => {
    assert.equal(has('victim@example.com', 'victim+x%example.com@gw.example'), true)
    const { policies } = settingsOf(
      `[main]\nenabled=true\nintake_address=a@scan.example\n[policy.private]\nrecipients=listed\n` +
        `recipient_list[]=@private.example\nintake=no\n[policy.DEFAULT]\nintake=default\n`,
    )
    assert.equal(policies.match('', 'x%private.example@example.com').choice.kind, 'default')
    assert.equal(policies.match('', 'x@private.example').choice.kind, 'no')
  })

  it('a rewritten recipient is asked about in both forms', () => {
    const policies = listed('info@example.com')
    assert.equal(policies.match('', 'bob@inside.example').policy, 'DEFAULT')
    assert.equal(policies.match('', 'bob@inside.example', ['Info+x@example.com']).policy, 'x')
  })

  it('are found in any text, in time, and always with the address itself (fuzz)', () => {
    const dice = Dice.thrown('spellings')
    const pieces = ['a', '+', '%', '!', '@', '"', '\\', '.', 'b.example', '\u0301', '\ud800', ' ']
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: dice.below(30) }, () => dice.pick(pieces)).join('')
      const spellings = spellingsOf(text, '+')
      assert.ok(spellings.length >= 1 && spellings.length <= text.length + 1)
      assert.ok(routesOf(text).length <= text.length)
    }
  })
})
