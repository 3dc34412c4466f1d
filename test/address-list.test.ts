import assert from 'node:assert/strict'
import {
  AddressList,
  FNV_OFFSET,
  hashBackwards,
  hashOn,
  Sieve,
} from '../plugins/tdc/settings/address-list'
import { Dice } from './support/dice'

describe('a list of addresses', () => {
  const LABELS = ['a', 'b', 'mail', 'example', 'com', 'xn--p1ai', 'sub']
  const USERS = ['bob', 'alice', 'b', 'example', 'com', '']

  it('says what a scan of its entries says (fuzz)', () => {
    const dice = Dice.thrown('lists')
    const domain = () =>
      Array.from({ length: 1 + dice.below(4) }, () => dice.pick(LABELS)).join('.')
    const entry = () =>
      [
        () => `${dice.pick(USERS) || 'x'}@${domain()}`,
        () => `${dice.pick(USERS) || 'x'}@`,
        () => `@${domain()}`,
        () => `@.${domain()}`,
        () => '<>',
      ][dice.below(5)]?.() ?? ''
    for (let round = 0; round < 2_000; round++) {
      const entries = Array.from({ length: dice.below(20) }, entry)
      const list = new AddressList()
      for (const each of entries) assert.ok(list.add(each), each)
      for (let asked = 0; asked < 20; asked++) {
        const address = dice.below(20) === 0 ? '' : `${dice.pick(USERS) || 'x'}@${domain()}`
        const found = entries.some((each) => matches(each, address))
        assert.equal(list.has(address), found, `${address} in ${entries.join(' ')}`)
      }
    }
  })

  it('knows an entry that is added after a question', () => {
    const list = new AddressList()
    assert.ok(list.add('bob@example.com'))
    assert.equal(list.has('eve@example.com'), false)
    assert.ok(list.add('eve@'))
    assert.equal(list.has('eve@example.com'), true)
  })

  it('its sieve has all that was put in, and little else', () => {
    const texts = Array.from({ length: 10_000 }, (_, i) => `user${i}@host${i % 100}.example`)
    const sieve = new Sieve(texts.length)
    for (const text of texts) sieve.add(hashBackwards(text))
    assert.ok(texts.every((text) => sieve.mayHave(hashBackwards(text))))
    const others = texts.map((text) => `no${text}`)
    const seeming = others.filter((text) => sieve.mayHave(hashBackwards(text))).length
    assert.ok(seeming < others.length / 10, `${seeming} of ${others.length}`)
  })

  it('the hash of a text is that of its end, gone on with', () => {
    const joined = hashBackwards('bob', hashOn(hashBackwards('example.com'), '@'.charCodeAt(0)))
    assert.equal(joined, hashBackwards('bob@example.com'))
    assert.equal(hashBackwards(''), FNV_OFFSET)
  })
})

function matches(entry: string, address: string): boolean {
  if (entry === '<>') return address === ''
  if (address === '') return false
  const [user = '', domain = ''] = address.split('@')
  const [local = '', host = ''] = entry.split('@')
  if (local === '' && host.startsWith('.')) return domain.endsWith(host)
  if (local === '') return domain === host
  return local === user && (host === '' || host === domain)
}
