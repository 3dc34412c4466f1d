import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { type CachedAnswer, AnswerCache } from '../plugins/tdc/route/answer-cache'
import { dnsQuestions } from '../plugins/tdc/route/dns-questions'
import { cachedLookup } from '../plugins/tdc/route/mx-lookup'
import { FakeClock } from './support/fake-clock'
import { FakeDns } from './support/fake-dns'

const GONE = withCode('ENOTFOUND')
const SILENT = withCode('ETIMEOUT')

/** A cache over answers that the test gives, one after the other. */
class CacheStory {
  readonly clock = new FakeClock()
  asked = 0
  private readonly answers: (() => Promise<CachedAnswer<string>>)[] = []
  private readonly cache = new AnswerCache<string>(() => {
    this.asked += 1
    return this.answers.shift()?.() ?? Promise.reject(new Error('nobody expects this question'))
  }, this.clock)

  willAsk(answer: () => Promise<CachedAnswer<string>>): void {
    this.answers.push(answer)
  }

  willSay(value: string, ttl = 60_000): void {
    this.willAsk(() => Promise.resolve({ value, ttl }))
  }

  fails(error: Error): void {
    this.willAsk(() => Promise.reject(error))
  }

  /** The answer, or the code of the failure. */
  async get(name = 'mx.example'): Promise<string | undefined> {
    return this.cache.get(name).catch((error: NodeJS.ErrnoException) => error.code)
  }
}

describe('delivery: DNS answers are kept', () => {
  it('for their TTL, and no longer', async () => {
    const story = new CacheStory()
    story.willSay('first', 60_000)
    story.willSay('second')
    assert.deepEqual([await story.get(), await story.get()], ['first', 'first'])
    await story.clock.advance(59_999)
    assert.deepEqual([await story.get(), story.asked], ['first', 1])
    await story.clock.advance(1)
    assert.deepEqual([await story.get(), story.asked], ['second', 2])
  })

  it('an hour at the most, whatever the TTL', async () => {
    const story = new CacheStory()
    story.willSay('first', 7 * 86_400_000)
    story.willSay('second')
    await story.get()
    await story.clock.advance(3_599_999)
    assert.equal(await story.get(), 'first')
    await story.clock.advance(1)
    assert.equal(await story.get(), 'second')
  })

  it('TTL 0: for those who ask at the same time only (RFC 1035 section 3.2.1)', async () => {
    const story = new CacheStory()
    story.willSay('first', 0)
    story.willSay('second', 0)
    assert.deepEqual(await Promise.all([story.get(), story.get()]), ['first', 'first'])
    assert.deepEqual([await story.get(), story.asked], ['second', 2])
  })

  it('fifty who ask at once are one question, also when it fails', async () => {
    const story = new CacheStory()
    story.fails(SILENT)
    const fifty = await Promise.all(Array.from({ length: 50 }, () => story.get()))
    assert.deepEqual([new Set(fifty), story.asked], [new Set(['ETIMEOUT']), 1])
  })

  it('names do not share answers', async () => {
    const story = new CacheStory()
    story.willSay('a')
    story.willSay('b')
    assert.deepEqual([await story.get('a.example'), await story.get('b.example')], ['a', 'b'])
  })

  it('"no such name" for 30 s', async () => {
    const story = new CacheStory()
    story.fails(GONE)
    story.willSay('there')
    await story.get()
    await story.clock.advance(29_999)
    assert.deepEqual([await story.get(), story.asked], ['ENOTFOUND', 1])
    await story.clock.advance(1)
    assert.deepEqual([await story.get(), story.asked], ['there', 2])
  })

  it('a failure that may heal for 1 s', async () => {
    const story = new CacheStory()
    story.fails(SILENT)
    story.willSay('there')
    await story.get()
    await story.clock.advance(999)
    assert.deepEqual([await story.get(), story.asked], ['ETIMEOUT', 1])
    await story.clock.advance(1)
    assert.deepEqual([await story.get(), story.asked], ['there', 2])
  })

  it('no more than 500; the oldest goes', async () => {
    const story = new CacheStory()
    for (let name = 0; name <= 500; name++) story.willSay(`${name}`)
    for (let name = 0; name <= 500; name++) await story.get(`h${name}`)
    story.willSay('again')
    assert.deepEqual([await story.get('h500'), await story.get('h0')], ['500', 'again'])
  })
})

describe('delivery: the DNS is down, and an older answer is there (RFC 8767)', () => {
  it('the older answer is used for a day, and the DNS is asked every 30 s', async () => {
    const story = new CacheStory()
    story.willSay('old', 60_000)
    await story.get()
    await story.clock.advance(60_000)
    story.fails(SILENT)
    assert.deepEqual([await story.get(), story.asked], ['old', 2])
    await story.clock.advance(29_999)
    assert.deepEqual([await story.get(), story.asked], ['old', 2])
    await story.clock.advance(1)
    story.willSay('new')
    assert.deepEqual([await story.get(), story.asked], ['new', 3])
    await story.clock.advance(60_000 + 86_400_000)
    story.fails(SILENT)
    assert.equal(await story.get(), 'ETIMEOUT', 'too old')
  })

  it('a DNS that is silent keeps nobody longer than 1.8 s; its late answer counts', async () => {
    const story = new CacheStory()
    story.willSay('old', 60_000)
    await story.get()
    await story.clock.advance(60_000)
    let answer: (answer: CachedAnswer<string>) => void = () => {}
    story.willAsk(() => new Promise((resolve) => (answer = resolve)))
    let got: string | undefined
    const getting = story.get().then((value) => (got = value))
    await story.clock.advance(1_799)
    assert.equal(got, undefined)
    await story.clock.advance(1)
    await getting
    assert.equal(got, 'old')
    answer({ value: 'new', ttl: 60_000 })
    await story.clock.settle()
    assert.deepEqual([await story.get(), story.asked, story.clock.pending], ['new', 2, 0])
  })

  it('"no such name" is an answer: the older one is forgotten', async () => {
    const story = new CacheStory()
    story.willSay('old', 60_000)
    await story.get()
    await story.clock.advance(60_000)
    story.fails(GONE)
    assert.equal(await story.get(), 'ENOTFOUND')
    await story.clock.advance(30_000)
    story.fails(SILENT)
    assert.equal(await story.get(), 'ETIMEOUT')
  })
})

describe('delivery: what the DNS says of its answers', () => {
  let dns: FakeDns
  let resolver: Resolver
  before(async () => {
    dns = await FakeDns.start({})
    resolver = new Resolver({ timeout: 2_000, tries: 1 })
    resolver.setServers([dns.address])
  })
  after(() => dns.close())

  const lookups = (clock: FakeClock) =>
    cachedLookup(
      dnsQuestions((domain) => resolver.resolveMx(domain), resolver),
      clock,
    )
  const count = (question: string) => dns.questions.filter((each) => each === question).length

  it('addresses are asked again after the smaller TTL of the two families', async () => {
    dns.zone = { 'a.ttl': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], ttl: { A: 20, AAAA: 90 } } }
    const clock = new FakeClock()
    const lookup = lookups(clock)
    const both = ['2001:db8::1', '192.0.2.1']
    assert.deepEqual(await lookup.addresses('a.ttl'), both)
    await clock.advance(19_999)
    await lookup.addresses('a.ttl')
    assert.equal(count('A a.ttl'), 1)
    await clock.advance(1)
    assert.deepEqual(await lookup.addresses('a.ttl'), both)
    assert.equal(count('A a.ttl'), 2)
  })

  it('half an answer is not kept: the other family may be the one that works', async () => {
    dns.zone = { 'b.ttl': { aaaa: ['2001:db8::1'], ttl: { AAAA: 90 }, fail: { A: 'SERVFAIL' } } }
    const lookup = lookups(new FakeClock())
    await lookup.addresses('b.ttl')
    dns.zone = { 'b.ttl': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], ttl: { A: 90, AAAA: 90 } } }
    assert.deepEqual(await lookup.addresses('b.ttl'), ['2001:db8::1', '192.0.2.1'])
  })

  it('nor does half an answer take the place of a whole one, for the time when the DNS is down', async () => {
    const both = { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], ttl: { A: 90, AAAA: 90 } }
    dns.zone = { 'd.ttl': both }
    const clock = new FakeClock()
    const lookup = lookups(clock)
    const whole = await lookup.addresses('d.ttl')
    await clock.advance(90_000)
    dns.zone = { 'd.ttl': { ...both, fail: { A: 'SERVFAIL' } } }
    assert.deepEqual(await lookup.addresses('d.ttl'), ['2001:db8::1'])
    dns.zone = { 'd.ttl': { fail: { A: 'SERVFAIL', AAAA: 'SERVFAIL' } } }
    assert.deepEqual(await lookup.addresses('d.ttl'), whole)
  })

  it('MX records, of which Node tells no TTL, are asked again after a minute', async () => {
    dns.zone = { 'c.ttl': { mx: [[10, 'a.ttl']] } }
    const clock = new FakeClock()
    const lookup = lookups(clock)
    await Promise.all(Array.from({ length: 50 }, () => lookup.mx('c.ttl')))
    await clock.advance(59_999)
    await lookup.mx('c.ttl')
    assert.equal(count('MX c.ttl'), 1)
    await clock.advance(1)
    await lookup.mx('c.ttl')
    assert.equal(count('MX c.ttl'), 2)
  })
})

function withCode(code: string): Error {
  return Object.assign(new Error('raw text'), { code })
}
