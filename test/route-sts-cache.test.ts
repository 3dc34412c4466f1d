import assert from 'node:assert/strict'
import type { Fetched } from '../plugins/tdc/route/sts-fetch'
import { StsPolicies } from '../plugins/tdc/route/sts-policies'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { FakeClock } from './support/fake-clock'

const DOMAIN = 'scan.example'
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const FETCH_ERROR: Fetched = { kind: 'failed', reason: 'sts-policy-fetch-error', text: 'ENOTFOUND' }

function file(over: { mode?: string; mx?: string; seconds?: number } = {}): Fetched {
  const { mode = 'enforce', mx = 'mx.scan.example', seconds = DAY / SECOND } = over
  const text = `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: ${seconds}\n`
  return { kind: 'fetched', text }
}

/** The policies of one process, with a DNS and a web server that answer what the test says. */
class World {
  readonly clock = new FakeClock()
  readonly asked: string[] = []
  /** Failures and policies that were told. */
  readonly told: string[] = []
  /** id of the TXT record; undefined: there is none; an error: the DNS has trouble. */
  id: string | undefined | Error = '1'
  file: Fetched | Promise<Fetched> = file()
  readonly policies = new StsPolicies({
    txt: (name) => {
      this.asked.push(`TXT ${name}`)
      if (this.id instanceof Error) return Promise.reject(this.id)
      return Promise.resolve(this.id === undefined ? [] : [[`v=STSv1; id=${this.id}`]])
    },
    fetch: (domain) => {
      this.asked.push(`GET ${domain}`)
      return Promise.resolve(this.file)
    },
    clock: this.clock,
    reportOf: (domain) => (event) => {
      this.told.push(`${domain}: ${inWords(event)}`)
      if (this.mistake) throw this.mistake
    },
  })
  /** What telling throws. */
  mistake: Error | undefined

  /** Mode and hosts of the policy in force, or `none`. */
  async inForce(domain = DOMAIN): Promise<string> {
    const policy = await this.policies.of(domain)
    return policy ? `${policy.mode} ${policy.mx.join(' ')}` : 'none'
  }

  /** What was asked since the last time. */
  news(): string[] {
    return this.asked.splice(0)
  }
}

function inWords(event: TdcEvent): string {
  if (event.kind === 'sts-policy') return `${event.mode} ${event.mx.join(' ')} ${event.seconds}`
  if (event.kind === 'sts-failed') return `${event.reason}: ${event.text}, kept ${event.kept}`
  return event.kind
}

const TXT = `TXT _mta-sts.${DOMAIN}`
const GET = `GET ${DOMAIN}`
const POLICY = 'enforce mx.scan.example'

describe('MTA-STS: the policy of a domain', () => {
  let world: World
  beforeEach(() => (world = new World()))
  afterEach(() => assert.equal(world.clock.pending, 0, 'no timer is left'))

  for (const [what, answer, policy] of [
    ['a policy', file(), POLICY],
    ['a failure', FETCH_ERROR, 'none'],
  ] as const) {
    it(`a mistake in telling of ${what} costs no connection, and is no look at each of them`, async () => {
      world.file = answer
      world.mistake = new Error('a mistake')
      assert.equal(await world.inForce(), policy)
      assert.equal(await world.inForce(), policy)
      assert.deepEqual(world.news(), [TXT, GET])
      await world.clock.advance(5 * MINUTE)
      assert.equal(await world.inForce(), policy)
      assert.equal(world.news()[0], TXT)
    })
  }

  it('is looked up once for all connections that begin together, and not for the next', async () => {
    const first = await Promise.all([world.inForce(), world.inForce(), world.inForce()])
    assert.deepEqual(first, [POLICY, POLICY, POLICY])
    assert.equal(await world.inForce(), POLICY)
    assert.deepEqual(world.news(), [TXT, GET])
    assert.deepEqual(world.told, [`${DOMAIN}: enforce mx.scan.example 86400`])
  })

  it('of another domain is another one', async () => {
    await world.inForce()
    assert.equal(await world.inForce('other.example'), POLICY)
    assert.deepEqual(world.news(), [TXT, GET, 'TXT _mta-sts.other.example', 'GET other.example'])
  })

  it('is none without a record: nothing is fetched; asked again after an hour, nobody waits', async () => {
    world.id = undefined
    assert.equal(await world.inForce(), 'none')
    await world.clock.advance(HOUR - 1)
    assert.equal(await world.inForce(), 'none')
    assert.deepEqual(world.news(), [TXT])
    await world.clock.advance(1)
    world.id = '1'
    assert.equal(await world.inForce(), 'none', 'in the background')
    await world.clock.settle()
    assert.equal(await world.inForce(), POLICY)
    assert.deepEqual(world.news(), [TXT, GET])
  })

  it('a web server that hangs costs the first connections 5 s, later ones nothing', async () => {
    let answer: (fetched: Fetched) => void = () => undefined
    world.file = new Promise((resolve) => (answer = resolve))
    const results: string[] = []
    const wait = () => void world.inForce().then((policy) => results.push(policy))
    wait()
    await world.clock.advance(3 * SECOND)
    wait()
    await world.clock.advance(2 * SECOND - 1)
    assert.deepEqual(results, [])
    await world.clock.advance(1)
    assert.deepEqual(results, ['none', 'none'], 'both, 5 s after the question')
    assert.equal(await world.inForce(), 'none', 'at once')
    answer(file())
    await world.clock.settle()
    assert.equal(await world.inForce(), POLICY)
    assert.deepEqual(world.news(), [TXT, GET])
  })

  it('the record is looked at each hour; with the same id nothing is fetched', async () => {
    await world.inForce()
    world.news()
    for (let hour = 1; hour < 12; hour++) {
      await world.clock.advance(HOUR)
      await world.inForce()
      await world.clock.settle()
      assert.deepEqual(world.news(), [TXT], `hour ${hour}`)
    }
  })

  it('a new id is a new policy, and it is told', async () => {
    await world.inForce()
    world.id = '2'
    world.file = file({ mode: 'testing', mx: '*.scan.example' })
    await world.clock.advance(HOUR)
    assert.equal(await world.inForce(), POLICY, 'in the background')
    await world.clock.settle()
    assert.equal(await world.inForce(), 'testing *.scan.example')
    assert.equal(world.told.at(-1), `${DOMAIN}: testing *.scan.example 86400`)
  })

  it('is fetched again before it ends, in the background, and lives on', async () => {
    await world.inForce()
    for (let hour = 0; hour < 72; hour++) {
      await world.clock.advance(HOUR)
      assert.equal(await world.inForce(), POLICY)
      await world.clock.settle()
    }
    const fetched = world.news().filter((each) => each === GET).length
    assert(fetched >= 4 && fetched <= 7, `${fetched} times in three days`)
    assert.equal(world.told.length, 1, 'that it is the same is no news')
  })

  it('one that cannot be fetched any more is in force until it ends', async () => {
    await world.inForce()
    world.file = FETCH_ERROR
    await world.clock.advance(12 * HOUR)
    await world.inForce()
    await world.clock.settle()
    const failed = `${DOMAIN}: sts-policy-fetch-error: ENOTFOUND, kept true`
    assert.equal(world.told.at(-1), failed)
    world.news()
    await world.clock.advance(5 * MINUTE - 1)
    assert.equal(await world.inForce(), POLICY)
    assert.deepEqual(world.news(), [], 'not tried again for 5 minutes')
    await world.clock.advance(1)
    await world.inForce()
    await world.clock.settle()
    assert.deepEqual(world.news(), [TXT, GET])
    await world.clock.advance(12 * HOUR)
    assert.equal(await world.inForce(), 'none', 'its time is over')
    assert.equal(world.told.at(-1), failed.replace('true', 'false'))
  })

  it('that ended while no mail came is waited for', async () => {
    await world.inForce()
    await world.clock.advance(2 * DAY)
    world.id = '2'
    world.file = file({ mx: 'new.scan.example' })
    assert.equal(await world.inForce(), 'enforce new.scan.example')
  })

  it('stays when the record vanishes, or the DNS has trouble', async () => {
    await world.inForce()
    world.id = undefined
    await world.clock.advance(HOUR)
    await world.inForce()
    await world.clock.settle()
    assert.equal(await world.inForce(), POLICY)
    assert.equal(world.told.length, 1)
    world.id = Object.assign(new Error('raw'), { code: 'ESERVFAIL' })
    await world.clock.advance(HOUR)
    await world.inForce()
    await world.clock.settle()
    assert.equal(await world.inForce(), POLICY)
    const text = 'the TXT record cannot be looked up'
    assert.equal(world.told.at(-1), `${DOMAIN}: sts-policy-fetch-error: ${text}, kept true`)
  })

  it('none is known, and nothing told, when the DNS has trouble at first; then 5 minutes', async () => {
    world.id = Object.assign(new Error('raw'), { code: 'ETIMEOUT' })
    assert.equal(await world.inForce(), 'none')
    assert.deepEqual(world.told, [])
    world.id = '1'
    await world.clock.advance(5 * MINUTE)
    await world.inForce()
    await world.clock.settle()
    assert.equal(await world.inForce(), POLICY)
  })

  it('NXDOMAIN is no record', async () => {
    world.id = Object.assign(new Error('raw'), { code: 'ENOTFOUND' })
    assert.equal(await world.inForce(), 'none')
    await world.clock.advance(5 * MINUTE)
    await world.inForce()
    assert.deepEqual(world.news(), [TXT])
  })

  it('one that cannot be read is none, and told', async () => {
    world.file = { kind: 'fetched', text: '<html>' }
    assert.equal(await world.inForce(), 'none')
    const why = 'sts-policy-invalid: a line is no field, kept false'
    assert.deepEqual(world.told, [`${DOMAIN}: ${why}`])
  })

  it('a mistake of the fetcher is a failure like others', async () => {
    world.file = Promise.reject(new Error('oops'))
    assert.equal(await world.inForce(), 'none')
    assert.match(world.told.join(), /sts-policy-fetch-error: Error: oops, kept false/)
  })

  it('max_age of 0: for nobody but those who wait; no more than one question in 5 minutes', async () => {
    world.file = file({ seconds: 0 })
    await world.inForce()
    await world.clock.advance(5 * MINUTE - 1)
    assert.equal(await world.inForce(), 'none')
    assert.deepEqual(world.news(), [TXT, GET])
  })

  it('of invented domains do not fill memory', async () => {
    for (let n = 0; n < 1_000; n++) await world.inForce(`d${n}.example`)
    world.news()
    await world.inForce('d999.example')
    assert.deepEqual(world.news(), [])
    await world.inForce('d0.example')
    assert.deepEqual(world.news(), ['TXT _mta-sts.d0.example', 'GET d0.example'])
  })
})
