import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Gate } from './support/gate'
import { WRITE_AHEAD } from './support/gateway'
import { complaints, type HarakaServer, logText } from './support/haraka'
import { isCopyOf } from './support/identical'
import { INTAKE_ADDRESS, mailAbout, MailPath } from './support/mail-path'
import { SmtpClient } from './support/smtp-client'

const CONNECTIONS = 3

describe('copies in the queue', function () {
  this.timeout(60_000)
  let path: MailPath
  let main: HarakaServer

  before(async () => {
    path = await MailPath.start(OPTIONS)
    main = path.haraka
  })
  after(() => path.close())

  const subjectsOf = (story: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${story} ${i}`)

  async function sendAll(subjects: readonly string[]): Promise<void> {
    const replies = await Promise.all(subjects.map((subject) => path.send(mailAbout(subject))))
    assert.deepEqual(new Set(replies.map(({ code }) => code)), new Set([250]))
  }

  /** Holds all copies that come to the intake; `busy` resolves when `count` of them are held. */
  function holdCopies(count: number): { gate: Gate; busy: Promise<void> } {
    const gate = new Gate()
    let held = 0
    const busy = new Promise<void>((resolve) => {
      path.onCopy = async () => {
        if (++held === count) resolve()
        await gate.wait()
        return undefined
      }
    })
    return { gate, busy }
  }

  function acceptCopies(): void {
    path.onCopy = () => Promise.resolve(undefined)
  }

  /** Every original was copied exactly once, byte for byte. */
  async function allOnce(subjects: readonly string[]): Promise<void> {
    for (const subject of subjects) {
      const [original, copy] = [await path.original(subject), await path.copy(subject)]
      assert.ok(isCopyOf(await copy.original(), original.raw), subject)
    }
    await path.settled()
    for (const subject of subjects) {
      assert.equal(path.originalsOf(subject).length, 1, subject)
      assert.equal(path.copiesOf(subject).length, 1, subject)
    }
    const errors = complaints(path.haraka.log).filter((line) => !line.startsWith('[WARN]'))
    assert.deepEqual(errors, [])
  }

  /** Haraka's own delivery has nothing of ours in its hands: running, waiting, put off. */
  async function slotsFree(): Promise<void> {
    const deadline = Date.now() + 5000
    for (let stats = ''; stats !== '"0/0/0"'; stats = await path.ask('STATUS QUEUE STATS')) {
      assert.ok(Date.now() < deadline, `Haraka's slots are taken: ${stats}`)
    }
  }

  const count = (wanted: RegExp) => path.haraka.log.filter((line) => wanted.test(line)).length

  describe('survive', () => {
    it("a crash in the middle of their delivery; Haraka's tools list them", async () => {
      const subjects = subjectsOf('crash', 8)
      const { busy } = holdCopies(CONNECTIONS)
      await sendAll(subjects)
      await busy
      await path.filed(subjects.length)

      const listed = await path.haraka.command('--qlist')
      const rows = listed.split('\n').filter((line) => line.startsWith('Q: '))
      assert.equal(rows.length, subjects.length, listed)
      for (const row of rows) assert.match(row, /rcpt:1 from:<> domain:the\.tdc\.queue$/)
      const status = JSON.parse(await path.ask('STATUS QUEUE LIST')) as Record<string, unknown>[]
      assert.equal(status.length, subjects.length)
      for (const { domain, from, to, uuid } of status) {
        assert.deepEqual([domain, from, to], ['the.tdc.queue', '<>', [`<${INTAKE_ADDRESS}>`]])
        assert.match(String(uuid), /^[0-9A-F-]{36}\.1\.tdc1$/)
      }

      await path.haraka.kill9()
      assert.equal(path.haraka.queueFiles().length, subjects.length)
      acceptCopies()
      await path.haraka.start()
      await slotsFree()
      await allOnce(subjects)
      assert.equal(count(/ found in the queue for the message intake address /), subjects.length)
    })

    it('a crash while they wait for their retry, with the attempt that they had', async () => {
      path.onCopy = () => Promise.resolve('451 4.3.0 Later')
      await sendAll(['again', 'never'])
      await path.untilQueue(
        (names) => names.length === 2 && names.every((name) => name.split('_')[2] === '1'),
        'no attempt in the names',
      )
      await path.haraka.kill9()
      path.onCopy = (copy) =>
        Promise.resolve(copy.raw.includes('Subject: never') ? '451 4.3.0 Later' : undefined)
      await path.haraka.start()
      await path.haraka.waitForLine(/delivery failed to .*: Hard Bounced\./)
      acceptCopies()
      await allOnce(['again'])
      assert.deepEqual(path.copiesOf('never'), [])
    })

    it('an orderly restart', async () => {
      const subjects = subjectsOf('orderly', 5)
      const { gate, busy } = holdCopies(CONNECTIONS)
      await sendAll(subjects)
      await busy
      const stopped = path.haraka.stop('SIGINT')
      gate.open()
      await stopped
      acceptCopies()
      await path.haraka.start()
      await allOnce(subjects)
    })
  })

  describe('are not sent twice', () => {
    it('when Haraka is told to flush its queue while they are on their way', async () => {
      const subjects = subjectsOf('flushed', 8)
      const { gate, busy } = holdCopies(CONNECTIONS)
      await sendAll(subjects)
      await busy
      path.haraka.signal('SIGHUP')
      await path.haraka.waitForLine('Flushing the temp fail queue')
      for (let i = 0; i < 3; i++) assert.equal(await path.ask('TDC FLUSH'), 'flushed')
      await slotsFree()
      gate.open()
      await allOnce(subjects)
    })

    it('when Haraka flushes while they wait for their retry', async () => {
      const subjects = subjectsOf('waiting', 3)
      path.onCopy = () => Promise.resolve('451 4.3.0 Later')
      const deferred = count(/ deferred: DCID /)
      await sendAll(subjects)
      const wanted = () => count(/ deferred: DCID /) === deferred + subjects.length
      await path.haraka.lines.until(wanted, 10_000, () => path.haraka.tail())
      acceptCopies()
      path.haraka.signal('SIGHUP')
      await path.ask('TDC FLUSH')
      await slotsFree()
      await allOnce(subjects)
    })

    const fates: [fate: string, code: number, copies: number][] = [
      ['queued', 250, 1],
      ['refused', 550, 0],
    ]
    for (const [fate, code, copies] of fates) {
      it(`when Haraka finds the file before the original is ${fate}`, async function () {
        if (WRITE_AHEAD === 'log') {
          console.log('      in the log a copy has no file that could be found so early')
          return this.skip()
        }
        acceptCopies()
        const subject = `found early, ${fate}`
        path.onOriginal = () =>
          code === 250 ? { do: 'accept' } : { do: 'answer', reply: '550 5.7.1 No' }
        const slow = count(/the disk is slow now/)
        const reply = path.send(mailAbout(subject, { to: ['directory-slow@example.com'] }))
        const begun = () => count(/the disk is slow now/) > slow
        await path.haraka.lines.until(begun, 10_000, () => path.haraka.tail())
        await path.untilQueue(
          (names) => names.length === 1 && !names[0]?.startsWith('__tmp__'),
          'no file is in its place',
        )
        // Several: the files that one lists are read while the next is on its way.
        for (let i = 0; i < 5; i++) await path.ask('TDC FLUSH')
        await path.ask('DISK GO')
        assert.equal((await reply).code, code)
        path.onOriginal = () => ({ do: 'accept' })
        await path.settled()
        await path.send(mailAbout(`after ${subject}`))
        await path.copy(`after ${subject}`)
        assert.equal(path.copiesOf(subject).length, copies, path.haraka.tail())
        await path.settled()
      })
    }

    it('when Haraka flushes again and again while they go out', async () => {
      const subjects = subjectsOf('stirred', 60)
      let sending = true
      const flushing = (async () => {
        const client = await SmtpClient.connect(path.haraka)
        while (sending) await client.command('TDC FLUSH')
        await client.quit()
      })()
      for (let i = 0; i < subjects.length; i += 10) await sendAll(subjects.slice(i, i + 10))
      for (const subject of subjects) await path.copy(subject)
      sending = false
      await flushing
      await allOnce(subjects)
      assert.equal(count(/no longer in the queue directory|set aside|Connection Error/), 0)
    })
  })

  describe('of a damaged queue directory', () => {
    it('stop nobody: the good ones are delivered, the bad ones set aside', async () => {
      const subjects = subjectsOf('undamaged', 3)
      const { busy } = holdCopies(subjects.length)
      await sendAll(subjects)
      await busy
      await path.filed(subjects.length)
      const { haraka } = path
      await haraka.kill9()
      const [good = ''] = haraka.queueFiles()
      const dir = join(haraka.dir, 'queue')
      const file = QueueFile.read(join(dir, good))
      const tag = (at: number) => good.replace(/^(\d+_\d+_\d+_\d+)_\w+?_/, `$1_damage${at}_`)
      for (const [at, [, damage]] of DAMAGES.entries()) {
        writeFileSync(join(dir, tag(at)), damage(file))
      }

      acceptCopies()
      await haraka.start()
      for (const [at, [what, , why]] of DAMAGES.entries()) {
        if (why === undefined) continue
        const line = await haraka
          .waitForLine(`TDC: Queue file ${tag(at)} set aside: `, 5000)
          .catch(() => assert.fail(`not set aside: ${what}\n${haraka.tail()}`))
        assert.ok(logText(line).endsWith(why), `${what}: ${line}`)
        assert.ok(haraka.queueFiles().includes(`error.${tag(at)}`), what)
      }
      for (const subject of subjects) await path.copy(subject)
      await path.send(mailAbout('after the damage'))
      await path.copy('after the damage')
      for (const subject of subjects) assert.equal(path.copiesOf(subject).length, 1, subject)
      const all = path.intake.copies.entries.filter(({ raw }) => raw.includes('Subject: undamaged'))
      assert.equal(all.length, subjects.length)

      await path.untilQueue(
        (names) => names.every((name) => name.includes('_damage')),
        'an undamaged file is left',
      )
    })
  })

  describe('of a Haraka that the connector refuses', () => {
    let refused: HarakaServer

    before(async () => {
      const source = await path.makeGateway(OPTIONS)
      path.haraka = source
      await source.start()
      const { busy } = holdCopies(1)
      await sendAll(['orphan'])
      await busy
      await path.filed(1)
      await source.kill9()
      const [name = ''] = source.queueFiles()

      refused = await path.makeGateway({ ...OPTIONS, beforeTdc: ['contract_breaker'] })
      const from = join(source.dir, 'queue', name)
      const to = join(refused.dir, 'queue')
      mkdirSync(to, { recursive: true })
      copyFileSync(from, join(to, name))
      // As if Haraka had tried it so often that it gives it up now.
      copyFileSync(from, join(to, name.replace(/^(\d+_\d+)_0_(\d+)_\w+?_/, '$1_99_$2_tired_')))
      await source.remove()
      path.haraka = refused
      await refused.start()
    })
    after(async () => {
      await refused.remove()
      path.haraka = main
    })

    it('says so, and its mail goes on', async () => {
      const line = await refused.waitForLine('[tdc] TDC: ')
      assert.equal(
        logText(line),
        'TDC: Haraka 3.3.4 has no outbound.build_todo as expected: no message is copied',
      )
      assert.equal((await path.send(mailAbout('uncopied'))).code, 250)
      await path.original('uncopied')
      assert.deepEqual(path.copiesOf('uncopied'), [])
    })

    it('are neither delivered nor bounced by Haraka itself', async () => {
      await refused.waitForLine('the.tdc.queue belongs to tdc')
      await path.untilQueue(
        (names) => names.length === 1 && names[0]?.split('_')[2] === '1',
        'not one file put off',
      )
      assert.deepEqual(path.copiesOf('orphan'), [])
      const asked = path.dns.questions.filter((question) => question.includes('tdc.queue'))
      assert.deepEqual(asked, [])
      assert.deepEqual(
        refused.log.filter((line) => /CRIT|bounce.*(queued|sent)|Sending email/i.test(line)),
        [],
      )
    })
  })

  describe('of two workers', () => {
    before(async () => {
      const { beforeTdc = [] } = OPTIONS
      const options = {
        ...OPTIONS,
        nodes: 2,
        config: {},
        beforeTdc: [...beforeTdc, 'delivered_teller'],
      }
      path.haraka = await path.makeGateway(options)
      await path.haraka.start()
    })
    after(async () => {
      await path.haraka.remove()
      path.haraka = main
    })

    it('are announced to the delivered hooks of other plugins', async () => {
      acceptCopies()
      await path.send(mailAbout('told'))
      const copy = await path.copy('told')
      const line = await path.haraka.waitForLine('told {')
      const told = JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>
      const { uuid, response, ...others } = told
      assert.match(String(uuid), /^[0-9A-F-]{36}\.1\.tdc1$/)
      assert.ok(copy.raw.includes(String(uuid)))
      assert.match(String(response), /^(250 )?OK: message queued/)
      assert.deepEqual(others, {
        domain: 'the.tdc.queue',
        host: 'mx.scan.example',
        ip: '127.0.0.1',
        port: path.intake.port,
        mode: 'SMTP',
        to: [`<${INTAKE_ADDRESS}>`],
        secured: true,
      })
      await path.untilQueue((names) => names.length === 0, 'the file of a delivered copy is there')
    })

    it('change hands when their worker is killed', async () => {
      const { haraka } = path
      const ownersNow = () => haraka.queueFiles().map((name) => Number(name.split('_')[3]))
      const { gate, busy } = holdCopies(2 * CONNECTIONS)
      const subjects: string[] = []
      // The master gives connections to whom it likes: until both have enough to be busy with.
      while (!haveEach(ownersNow(), CONNECTIONS)) {
        assert.ok(subjects.length < 200, 'one worker gets no mail')
        const more = subjectsOf(`orphaned ${subjects.length}`, 4)
        await sendAll(more)
        subjects.push(...more)
        await path.filed(subjects.length)
      }
      await busy
      const owners = ownersNow()
      const [victim = 0, ...others] = new Set(owners)
      assert.equal(others.length, 1, 'both workers have copies')
      const orphans = owners.filter((owner) => owner === victim).length
      process.kill(victim, 'SIGKILL')
      const found = / found in the queue for the message intake address /
      await haraka.lines.until(
        () => count(found) === orphans,
        10_000,
        () => `${count(found)} of ${orphans} found\n${haraka.tail()}`,
      )
      // Mail that comes meanwhile is written while the new worker clears the directory.
      await sendAll(subjectsOf('meanwhile', 20))
      gate.open()
      const all = [...subjects, ...subjectsOf('meanwhile', 20)]
      for (const subject of all) await path.copy(subject)
      await path.untilQueue((names) => names.length === 0, 'the queue directory is not empty')
      for (const subject of all) {
        assert.equal(path.copiesOf(subject).length, 1, subject)
        assert.equal(path.originalsOf(subject).length, 1, subject)
      }
    })
  })
})

const OPTIONS = {
  beforeTdc: ['status', 'tdc_inspect', 'faulty_disk'],
  // One copy a connection: those that the intake holds are so many.
  delivery: [`max_connections=${CONNECTIONS}`, 'retry_delay=1', 'window=1'],
  config: {
    'smtp.ini':
      '[main]\nlisten=127.0.0.1:0\nnodes=0\ngraceful_shutdown=true\nforce_shutdown_timeout=8\n',
  },
}

interface Head {
  uuid: string
  notes: { tdc?: Record<string, unknown> }
}

/** Whether two workers have at least so many files each. */
function haveEach(owners: readonly number[], files: number): boolean {
  const counts = [...new Set(owners)].map((one) => owners.filter((each) => each === one).length)
  return counts.length > 1 && counts.every((each) => each >= files)
}

/** A queue file, to be damaged. */
class QueueFile {
  private constructor(
    readonly bytes: Buffer,
    readonly bodyStart: number,
  ) {}

  static read(path: string): QueueFile {
    const bytes = readFileSync(path)
    return new QueueFile(bytes, 4 + bytes.readUInt32BE(0))
  }

  /** The same with another head. */
  with(change: (head: Head) => void): Buffer {
    const head = JSON.parse(this.bytes.toString('utf8', 4, this.bodyStart)) as Head
    head.uuid = `${head.uuid}x`
    change(head)
    return this.withText(JSON.stringify(head))
  }

  withText(text: string): Buffer {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(text))
    return Buffer.concat([length, Buffer.from(text), this.bytes.subarray(this.bodyStart)])
  }

  noted(notes: Record<string, unknown>): Buffer {
    return this.with((head) => Object.assign(head.notes.tdc ?? {}, notes))
  }
}

/** What the connector says of each; undefined: Haraka itself refuses it before any hook. */
const DAMAGES: [what: string, damage: (file: QueueFile) => Buffer, why?: string][] = [
  ['no bytes', () => Buffer.alloc(0)],
  ['two bytes', ({ bytes }) => bytes.subarray(0, 2)],
  ['cut in the head', ({ bytes }) => bytes.subarray(0, 60)],
  ['a length beyond the file', ({ bytes }) => Buffer.concat([Buffer.of(0, 255), bytes])],
  ['no JSON', (file) => file.withText('{"uuid": garbage}')],
  ['not the end of JSON', (file) => file.withText('[]')],
  ['another layout', (file) => file.noted({ v: 2 }), 'its notes are of layout 2, not 1'],
  ['no notes', (file) => file.with((head) => (head.notes = {})), 'its head has no notes.tdc'],
  [
    'a command in the intake',
    (file) => file.noted({ intake: 'a@b.example>\r\nRCPT TO:<c@d.example' }),
    'its notes name no intake',
  ],
  ['no intake', (file) => file.noted({ intake: '' }), 'its notes name no intake'],
  ['a bad size', (file) => file.noted({ size: -1 }), 'its notes give no size'],
  ['a bad uuid', (file) => file.with((head) => (head.uuid = '../x\r\n')), 'its head has no uuid'],
  [
    'cut in the message',
    (file) => {
      const whole = file.with(() => {})
      return whole.subarray(0, whole.length - 300)
    },
    'its message is not complete',
  ],
]
