import assert from 'node:assert/strict'
import { RedisServer, whatIsMissing } from './cluster/redis-server'
import { WRITE_AHEAD } from './support/gateway'
import { mailAbout, MailPath, type StatusReply } from './support/mail-path'

const OF_QUEUE_FILES = ['open', 'write', 'sync', 'stat', 'rename', 'unlink']
const OF_LOG = ['open', 'write', 'writev', 'access']
/** What is called for a copy. */
const OF_COPIES = [
  'statfs',
  ...(WRITE_AHEAD === 'log' ? OF_LOG : OF_QUEUE_FILES),
  'net.connect',
  'tls.connect',
  'socket.write',
  'socket.end',
]
/** For the first copy to a domain: answers are kept. */
const OF_DNS = ['udp.createSocket', 'udp.connect', 'udp.send']
/** That a new domain has: its MX, and the TXT of its MTA-STS. */
const QUESTIONS = 2
/** By the clock, while mail comes. */
const OF_REDIS = ['redis.createClient', 'redis.connect', 'redis.sendCommand']

/** Mails in which a call is made to fail, and at the most until it was once. */
const MOST = 4
const MOST_MAILS = 40

/** Each has an intake domain of its own, so that the DNS is asked again. */
const STRANGERS = Array.from({ length: OF_DNS.length * QUESTIONS }, (_, i) => `stranger${i}`)
const POLICIES = STRANGERS.flatMap((name) => [
  `[policy.${name}]`,
  'recipients=listed',
  `recipient_list[]=${name}@example.com`,
  'intake=custom',
  `intake_address=journal@${name}.example`,
])

/** Milliseconds that an original may take: a disk that fails does not wait. */
const USUAL = 5_000

describe('each call of the disk, the DNS, sockets and Redis fails in turn', function () {
  this.timeout(180_000)
  const withoutRedis = whatIsMissing()
  let path: MailPath
  let redis: RedisServer | undefined

  before(async () => {
    if (withoutRedis === undefined) redis = await RedisServer.start()
    const cluster = redis ? ['[cluster]', 'redis=true', 'machine=mx1'] : []
    path = await MailPath.start({
      beforeTdc: ['faulty_calls', 'status', 'tdc_inspect'],
      sections: [...POLICIES, ...cluster],
      config: redis ? { 'redis.ini': redis.ini } : {},
      // Every copy has a connection of its own, and its retry at once.
      delivery: [
        'min_connections=1',
        'max_connections=1',
        'messages_per_connection=1',
        'idle_timeout=0',
        'retry_delay=0',
      ],
    })
    const mx = [[10, 'mx.scan.example']] as const
    const strangers = STRANGERS.map((name) => [`${name}.example`, { mx }])
    path.dns.zone = { ...path.dns.zone, ...Object.fromEntries(strangers) }
  })
  after(async () => {
    await path.close()
    await redis?.kill9()
  })

  /** Messages whose copy has an end that is counted. */
  const ends = ({ queue, messages }: StatusReply) =>
    queue.delivered + queue.hardBounced + messages.journalFailed

  /** The status as soon as so many have. */
  async function ended(count: number): Promise<StatusReply> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const status = await path.status()
      if (ends(status) >= count && status.queue.active === 0 && status.prepared === 0) return status
      const text = () => `${JSON.stringify(status)}\n${path.haraka.tail(30)}`
      assert.ok(Date.now() < deadline, text())
    }
  }

  /** One mail while the call `name` fails for the time number `time`; whether it did. */
  async function mailWhile(name: string, time: number, to?: string): Promise<boolean> {
    const before = ends(await path.status())
    await path.ask(`FAIL ${name} ${time}`)
    const subject = `${name} ${before}`
    const began = Date.now()
    const mail = mailAbout(subject, to === undefined ? {} : { to: [to] })
    assert.equal((await path.send(mail)).code, 250)
    assert.ok(Date.now() - began < USUAL, subject)
    await path.original(subject)
    const after = await ended(before + 1)
    assert.equal(ends(after), before + 1, subject)
    assert.equal(path.originalsOf(subject).length, 1, subject)
    return (await path.ask('FAIL')) === 'yes'
  }

  /** Some are not called for each copy: the room on the disk is asked for once a second. */
  async function failed(name: string): Promise<void> {
    let times = 0
    for (let mail = 1; mail <= MOST_MAILS && (times === 0 || mail <= MOST); mail++) {
      if (await mailWhile(name, times + 1)) times++
    }
    assert.ok(times > 0, `${name} never failed`)
  }

  for (const name of OF_COPIES) {
    it(`${name}: the original arrives, the copy arrives or is counted`, () => failed(name))
  }

  for (const [at, name] of OF_DNS.entries()) {
    it(`${name}, of each question: the original arrives, the copy arrives or is counted`, async () => {
      const names = STRANGERS.slice(at * QUESTIONS, (at + 1) * QUESTIONS)
      for (const [i, stranger] of names.entries()) {
        assert.ok(await mailWhile(name, i + 1, `${stranger}@example.com`), `${name} ${i + 1}`)
      }
    })
  }

  for (const name of OF_REDIS) {
    it(`${name}: mail goes on, and what machines share is there again`, async function () {
      if (!redis) {
        console.log(`      ${withoutRedis}`)
        this.skip()
      }
      // A connection is made anew as long as there is none; one that stands is made once.
      const isOfConnecting = name !== 'redis.sendCommand'
      if (isOfConnecting) await redis.kill9()
      await failed(name)
      if (isOfConnecting) await redis.start()
      const deadline = Date.now() + 30_000
      while ((await path.haraka.tdc('history')).code !== 0) {
        assert.ok(Date.now() < deadline, path.haraka.tail(30))
      }
    })
  }

  it('the server lives, and calls none of it a mistake', async () => {
    const before = ends(await path.status())
    assert.equal((await path.send(mailAbout('the last'))).code, 250)
    const { queue, messages } = await ended(before + 1)
    const kinds = path.haraka.log.filter((line) => /mistake in|uncaught|unhandled/i.test(line))
    assert.deepEqual(kinds, [])
    console.log(
      `      ${path.mailbox.messages.size} originals, ${queue.delivered} copies delivered, ` +
        `${queue.hardBounced} bounced, ${messages.journalFailed} not written`,
    )
  })
})
