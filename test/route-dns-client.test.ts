import assert from 'node:assert/strict'
import { decode, encode } from 'dns-packet'
import type { DnsAnswer, RecordType } from '../plugins/tdc/route/dns-answer'
import { readAnswer } from '../plugins/tdc/route/dns-answer'
import { DnsClient } from '../plugins/tdc/route/dns-client'
import { IntakeDnsSource } from '../plugins/tdc/route/intake-dns'
import { systemClock } from '../plugins/tdc/clock'
import { Dice } from './support/dice'
import { FakeClock } from './support/fake-clock'
import { ScriptedDns, type ScriptedZone, type Spoil } from './support/scripted-dns'

const NAME = 'mx.scan.example'
const ZONE: ScriptedZone = {
  [`A ${NAME}`]: { data: ['192.0.2.1', '192.0.2.2'], ttl: 30 },
  [`CNAME www.scan.example`]: { data: [NAME], ttl: 20 },
  [`MX scan.example`]: { data: [{ preference: 10, exchange: 'MX.Scan.Example' }] },
}

/** A question's answer with some octets of it changed. */
const changed =
  (change: (answer: Buffer) => void): Spoil =>
  (answer) => {
    const copy = Buffer.from(answer)
    change(copy)
    return [copy]
  }

describe('the DNS client that is told what is authentic', () => {
  let dns: ScriptedDns
  before(async () => (dns = await ScriptedDns.start(ZONE)))
  after(() => dns.close())
  beforeEach(() => {
    dns.zone = ZONE
    dns.spoil = (answer) => [answer]
    dns.truncates = false
    dns.isSecure = () => true
    dns.questions.length = 0
  })
  const ask = <T extends RecordType>(name: string, type: T): Promise<DnsAnswer<T>> =>
    new DnsClient([dns.server], systemClock).ask(name, type)
  const codeOf = (name: string, type: RecordType): Promise<string> =>
    ask(name, type).then(
      () => 'an answer',
      (error: { code: string }) => error.code,
    )

  it('gives the records, the end of the aliases, the shortest TTL, and the AD bit', async () => {
    assert.deepEqual(await ask('www.scan.example', 'A'), {
      records: ['192.0.2.1', '192.0.2.2'],
      canonical: NAME,
      secure: true,
      ttl: 20_000,
    })
    dns.isSecure = () => false
    assert.equal((await ask(NAME, 'A')).secure, false)
  })

  it('names are in lower case, however they are written', async () => {
    const { records } = await ask('Scan.Example', 'MX')
    assert.deepEqual(records, [{ exchange: NAME, priority: 10 }])
  })

  const codes: readonly (readonly [what: string, zone: ScriptedZone, code: string])[] = [
    ['no such name', { [`A ${NAME}`]: 'NXDOMAIN' }, 'ENOTFOUND'],
    ['no such record', {}, 'ENODATA'],
    ['bogus, or a resolver that failed', { [`A ${NAME}`]: 'SERVFAIL' }, 'ESERVFAIL'],
    ['refused', { [`A ${NAME}`]: 'REFUSED' }, 'EREFUSED'],
    ['an alias of itself', { [`CNAME ${NAME}`]: { data: [NAME] } }, 'EBADRESP'],
  ]
  for (const [what, zone, code] of codes) {
    it(`${what}: ${code}`, async () => {
      dns.zone = zone
      // The scripted server would follow an alias of itself for ever: it is answered by hand.
      if (code === 'EBADRESP') {
        dns.zone = ZONE
        dns.spoil = (answer) => {
          const packet = decode(answer)
          const alias = { name: NAME, type: 'CNAME', class: 'IN', ttl: 1, data: NAME } as const
          return [encode({ ...packet, answers: [alias] })]
        }
      }
      assert.equal(await codeOf(NAME, 'A'), code)
    })
  }

  it('each question has a port of its own, and an id that is not the one before', async () => {
    dns.ports.length = 0
    const ids = new Set<number>()
    dns.spoil = (answer) => {
      ids.add(answer.readUInt16BE(0))
      return [answer]
    }
    for (let times = 0; times < 20; times++) await ask(NAME, 'A')
    assert(ids.size > 15, `${ids.size} ids`)
    assert(new Set(dns.ports).size > 15, `${new Set(dns.ports).size} ports`)
  })

  const strays: readonly (readonly [string, (answer: Buffer) => void])[] = [
    ['of another id', (answer) => answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0)],
    ['that is a question', (answer) => answer.writeUInt8(answer.readUInt8(2) & 0x7f, 2)],
    ['to another name', (answer) => answer.write('nx', answer.indexOf('mx'), 'latin1')],
    ['to another type', (answer) => answer.writeUInt16BE(28, answer.indexOf('example') + 8)],
    ['without a question', (answer) => answer.writeUInt16BE(0, 4)],
    ['of nothing but zeros', (answer) => answer.fill(0)],
  ]
  for (const [what, change] of strays) {
    it(`an answer ${what} is not believed; the right one behind it is`, async () => {
      dns.spoil = (answer) => [...changed(change)(answer, false), answer]
      assert.deepEqual((await ask(NAME, 'A')).records, ['192.0.2.1', '192.0.2.2'])
    })
  }

  it('an answer that is cut off is asked for again by TCP', async () => {
    dns.truncates = true
    const { records, secure } = await ask(NAME, 'A')
    assert.deepEqual([records.length, secure], [2, true])
    assert.deepEqual(dns.questions, [`A ${NAME}`, `A ${NAME}`])
  })

  it('by TCP an answer that is too long, or none, is an error, and at once', async () => {
    dns.truncates = true
    dns.spoil = (answer, tcp) => [tcp ? Buffer.alloc(20_000) : answer]
    assert.equal(await codeOf(NAME, 'A'), 'EBADRESP')
    dns.spoil = (answer, tcp) => (tcp ? [] : [answer])
    assert.equal(await codeOf(NAME, 'A'), 'EBADRESP')
    dns.spoil = (answer, tcp) => [tcp ? answer.subarray(0, 5) : answer]
    assert.equal(await codeOf(NAME, 'A'), 'EBADRESP')
  })

  it('a server that does not know EDNS is asked without: an answer, but no secure one', async () => {
    dns.zone = { [`A ${NAME}`]: 'FORMERR', [`EDNS-less A ${NAME}`]: { data: ['192.0.2.9'] } }
    const { records, secure } = await ask(NAME, 'A')
    assert.deepEqual([records, secure], [['192.0.2.9'], false])
  })

  it('silence ends after 15 seconds however many servers there are; the other server is asked', async () => {
    const silent = await ScriptedDns.start({ [`A ${NAME}`]: 'SILENT' })
    const clock = new FakeClock()
    const client = new DnsClient([silent.server, silent.server, silent.server], clock)
    const ended = client.ask(NAME, 'A').catch((error: { code: string }) => error.code)
    for (let times = 0; times < 4; times++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      await clock.advance(5_000)
    }
    assert.equal(await ended, 'ETIMEOUT')
    assert.equal(clock.pending, 0)
    const closed = { address: '127.0.0.1', port: 1 }
    const second = await new DnsClient([closed, dns.server], systemClock).ask(NAME, 'A')
    assert.equal(second.records.length, 2)
    await silent.close()
  })

  for (const name of [
    '',
    'a..b',
    '-'.repeat(64),
    `${'a.'.repeat(127)}aa`,
    'mx scan.example',
    'müx.example',
  ]) {
    it(`a name that no DNS has is not asked for: ${JSON.stringify(name.slice(0, 20))}`, async () => {
      assert.equal(await codeOf(name, 'A'), 'ENOTFOUND')
      assert.deepEqual(dns.questions, [])
    })
  }
})

describe('whose word on what is authentic counts', () => {
  const HERE = '127.0.0.53'
  const THERE = '192.0.2.53'
  const resolver = { address: THERE, port: 53 }
  const table = [
    { dane: 'auto', servers: [HERE], then: 'asks' },
    { dane: 'auto', servers: ['::1', '[::1]:5353', '127.0.0.1:5353'], then: 'asks' },
    { dane: 'auto', servers: [THERE], then: `${THERE} is on another machine` },
    { dane: 'auto', servers: [HERE, THERE], then: `${THERE} is on another machine` },
    { dane: 'require', servers: [THERE], then: `${THERE} is on another machine` },
    { dane: 'auto', servers: [], then: 'there is none' },
    { dane: 'auto', servers: [THERE], resolver, then: 'asks' },
    { dane: 'off', servers: [HERE], resolver, then: 'off' },
  ] as const
  for (const { dane, servers, then, ...named } of table) {
    it(`dane=${dane}, ${servers.join(' ') || 'no server'}${'resolver' in named ? ', and one is named' : ''}: ${then}`, async () => {
      const source = new IntakeDnsSource(new FakeClock(), () => servers)
      const found = source.of({ dane, resolver: undefined, ...named })
      if (then === 'off') return assert.equal(found.dane, undefined)
      assert(found.dane)
      const again = source.of({ dane, resolver: undefined, ...named })
      assert.equal(again.lookup, found.lookup, 'what is known is kept over a reload')
      if (then === 'asks') return
      const said = await found.dane('x.example', { name: 'x', address: THERE, port: 25 })
      const why = `no DNS server is trusted: ${then}, and [tls] resolver names none`
      assert.deepEqual(said, { kind: 'none', why })
    })
  }
})

describe('DNS answers of any octets', () => {
  const question = { id: 4711, name: '_25._tcp.mx.scan.example', type: 'TLSA' } as const
  const tlsa = { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 1) }
  const good = encode({
    type: 'response',
    id: question.id,
    flags: 0x20,
    questions: [{ name: question.name, type: 'TLSA' }],
    answers: [
      { name: question.name, type: 'CNAME', class: 'IN', ttl: 5, data: 'x.example' },
      { name: 'x.example', type: 'TLSA', class: 'IN', ttl: 5, data: tlsa },
      { name: 'x.example', type: 'TXT', class: 'IN', ttl: 5, data: 'x' },
    ],
  })

  it('the whole one is read (control)', () => {
    const reading = readAnswer(good, question)
    assert(reading.kind === 'answer')
    assert.deepEqual([reading.answer.canonical, reading.answer.secure], ['x.example', true])
  })

  it('never throw, never take long, and give nothing that is no record', () => {
    const dice = Dice.thrown('broken DNS answers')
    const kinds: Record<string, number> = {}
    for (let times = 0; times < 20_000; times++) {
      const octets = broken(dice)
      const reading = readAnswer(octets, question)
      kinds[reading.kind] = (kinds[reading.kind] ?? 0) + 1
      if (reading.kind !== 'answer') continue
      const { records, canonical, ttl } = reading.answer
      assert(records.length > 0 && records.length < 100)
      assert(Number.isFinite(ttl) && ttl >= 0)
      assert(canonical.length <= 255)
      for (const { usage, selector, matching, data } of records) {
        for (const octet of [usage, selector, matching]) assert(octet >= 0 && octet <= 255)
        assert(data.length <= octets.length)
      }
    }
    // Were all of them thrown away at the door, nothing would have been tried.
    assert((kinds['answer'] ?? 0) > 500 && (kinds['stray'] ?? 0) > 500, JSON.stringify(kinds))
  })

  function broken(dice: Dice): Buffer {
    const octets = Buffer.from(good)
    for (let changes = dice.below(4); changes >= 0; changes--) {
      // The id is left alone, or nearly none would be looked at.
      octets[2 + dice.below(octets.length - 2)] = dice.below(256)
    }
    return dice.below(5) === 0 ? octets.subarray(0, dice.below(octets.length)) : octets
  }
})
