import assert from 'node:assert/strict'
import { AddressBackoff } from '../plugins/tdc/route/address-backoff'
import type { Host } from '../plugins/tdc/route/mx'
import { FakeClock } from './support/fake-clock'

const [A, B, C] = ['a', 'b', 'c'].map((address): Host => ({ name: 'mx', address, port: 25 })) as [
  Host,
  Host,
  Host,
]

describe('delivery: addresses that fail', () => {
  it('are left alone for 1, 2, 4 s and so on, five minutes at the most', async () => {
    const clock = new FakeClock()
    const addresses = new AddressBackoff(clock, () => 0.5)
    const pauses: number[] = []
    for (let failure = 0; failure < 11; failure++) {
      addresses.failed(A)
      const since = clock.monotonic()
      while (addresses.choose([A, B]) === B) await clock.advance(500)
      pauses.push((clock.monotonic() - since) / 1000)
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
  })

  it('with a jitter of a quarter, for other processes meet the same failure', async () => {
    for (const [random, pause] of [
      [0, 750],
      [1, 1250],
    ] as const) {
      const clock = new FakeClock()
      const addresses = new AddressBackoff(clock, () => random)
      addresses.failed(A)
      await clock.advance(pause - 1)
      assert.equal(addresses.choose([A, B]), B)
      await clock.advance(1)
      assert.equal(addresses.choose([A, B]), A)
    }
  })

  it('when all are left alone, the one whose pause ends first comes first', async () => {
    const clock = new FakeClock()
    const addresses = new AddressBackoff(clock, () => 0.5)
    for (const host of [A, A, A, B, B, C]) addresses.failed(host)
    assert.deepEqual(
      [addresses.choose([A, B, C]), addresses.choose([A, B]), addresses.choose([])],
      [C, B, undefined],
    )
  })

  it('are forgotten when they are reached', () => {
    const addresses = new AddressBackoff(new FakeClock(), () => 0.5)
    addresses.failed(A)
    addresses.reached(A)
    assert.deepEqual([addresses.choose([A, B]), addresses.isFailing(A)], [A, false])
  })

  it('are tried by one at a time; who gives up has found out nothing', async () => {
    const clock = new FakeClock()
    const addresses = new AddressBackoff(clock, () => 0.5)
    addresses.failed(A)
    await clock.advance(1_000)
    addresses.begun(A)
    assert.equal(addresses.choose([A, B]), B)
    addresses.givenUp(A)
    assert.equal(addresses.choose([A, B]), A)
  })

  it('are a hundred at the most', async () => {
    const addresses = new AddressBackoff(new FakeClock(), () => 0.5)
    const hosts = Array.from({ length: 101 }, (_, at) => ({ ...A, address: `h${at}` }))
    for (const host of hosts) addresses.failed(host)
    assert.deepEqual(
      hosts.filter((host) => !addresses.isFailing(host)).map(({ address }) => address),
      ['h0'],
    )
  })
})
