import assert from 'node:assert/strict'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Gate } from './support/gate'
import { complaints, type HarakaServer, logText } from './support/haraka'
import { isCopyOf } from './support/identical'
import { INTAKE_ADDRESS, mailAbout, MailPath, type MailPathOptions } from './support/mail-path'
import type { Mail } from './support/smtp-client'
import { SmtpClient, wireForm } from './support/smtp-client'

describe('the life of a copy in the queue', function () {
  this.timeout(60_000)
  let path: MailPath
  let first: HarakaServer

  before(async () => {
    path = await MailPath.start(OPTIONS)
    first = path.haraka
  })
  after(() => path.close())

  const to = (...names: string[]) => names.map((name) => `${name}@example.com`)

  /** Lines of the present run that name the transaction in the reply. */
  const linesOf = (uuid: string) => path.haraka.log.filter((line) => line.includes(`${uuid}.tdc`))
  const uuidOf = (lines: readonly string[]) => /\(([0-9A-F-]{36}\.\d+)\)/.exec(lines.join())?.[1]

  /** The connector's lines since a moment, without Haraka's prefix. */
  function following() {
    const from = path.haraka.lines.size
    const lines = () => path.haraka.lines.entries.slice(from)
    return {
      lines,
      texts: () => lines().map(logText),
      line: (wanted: RegExp) =>
        path.haraka.lines.first(
          (line) => wanted.test(line),
          10_000,
          () => `no line ${wanted}\n${path.haraka.tail()}`,
          from,
        ),
    }
  }

  describe('written ahead', () => {
    it('stands complete in the queue directory before the original is passed on', async () => {
      const gate = new Gate()
      path.onOriginal = () => ({ do: 'wait', until: gate.wait() })
      const reply = path.send(mailAbout('ahead'))
      await gate.reached

      const { haraka } = path
      const [name = '', ...others] = haraka.queueFiles()
      assert.deepEqual(others, [])
      const file = join(haraka.dir, 'queue', name)
      assert.equal(statSync(file).mode & 0o777, 0o600)
      const head = headOf(readFileSync(file))
      assert.equal(head.domain, 'the.tdc.queue')
      assert.equal(head.mail_from.original, '<>')
      assert.deepEqual(
        head.rcpt_to.map(({ original }) => original),
        [`<${INTAKE_ADDRESS}>`],
      )
      assert.equal((await path.status()).prepared, 1)
      assert.deepEqual(path.copiesOf('ahead'), [])

      gate.open()
      const { code, lines } = await reply
      assert.equal(code, 250)
      assert.equal(head.uuid, `${uuidOf(lines)}.tdc1`)
      await path.copy('ahead')
      await path.settled()
      path.onOriginal = () => ({ do: 'accept' })
    })
  })

  it("Haraka's own outbound takes the original: a copy just the same", async () => {
    const header =
      'Subject: outbound\r\nMessage-ID: <1@x>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n'
    const raw = Buffer.from(`${header}\r\nBody.\r\n`)
    const reply = await path.send(mailAbout('outbound', { to: to('relayed'), raw }))
    assert.equal(reply.code, 250)
    const [original, copy] = [await path.original('outbound'), await path.copy('outbound')]
    // It adds its header to the original after the copy was made.
    const attached = (await copy.original()).toString().replace(/^X-IronPort-RemoteIP: .*\r\n/, '')
    assert.match(original.raw.toString(), /^Received: \(Haraka outbound\); .*\r\n/)
    assert.ok(original.raw.toString().endsWith(attached))
    await path.settled()
  })

  describe('when the original is refused', () => {
    const rows: [what: string, recipient: string, reply: number, end: string, mailbox?: string][] =
      [
        ['rejected by a queue plugin', 'reject', 550, 'rejected'],
        ['deferred by a queue plugin', 'defer', 450, 'deferred'],
        ['rejected with the connection', 'cut', 550, 'rejected'],
        ['rejected by the next hop', 'bob', 550, 'rejected', '550 5.7.1 No'],
        ['deferred by the next hop', 'bob', 450, 'deferred', '451 4.3.0 Later'],
        // Haraka has no other queue plugin left then, which is a refusal again.
        ['rejected by the last one, overridden', 'any-override', 451, 'deferred', '550 5.7.1 No'],
      ]
    for (const [what, recipient, code, end, refusal] of rows) {
      it(`${what}: the copy is withdrawn`, async () => {
        const before = await path.status()
        if (refusal) path.onOriginal = () => ({ do: 'answer', reply: refusal })
        const reply = await path.send(mailAbout(what, { to: to(recipient) }))
        path.onOriginal = () => ({ do: 'accept' })
        assert.equal(reply.code, code, reply.lines.join())
        const uuid = uuidOf(reply.lines)
        assert.ok(uuid)
        await path.haraka.waitForLine(`MID ${uuid}.tdc1 withdrawn: the original was ${end}`)
        await path.settled()
        const { messages } = await path.settled()
        assert.equal(messages.withdrawn, before.messages.withdrawn + 1)
        assert.deepEqual(endings(linesOf(uuid)), ['withdrawn'])
      })
    }

    it('nothing of them came to the mailbox or to the intake', async () => {
      await path.send(mailAbout('after the refusals'))
      await path.copy('after the refusals')
      for (const [what] of rows) {
        assert.deepEqual(path.originalsOf(what), [])
        assert.deepEqual(path.copiesOf(what), [])
      }
    })
  })

  describe('when another queue plugin misbehaves', () => {
    const rows: [what: string, recipient: string][] = [
      ['a queue plugin throws', 'throw'],
      ['a rejection is overridden', 'reject-override'],
      ['a deferral is overridden', 'defer-override'],
      ['a timeout is overridden', 'hang-override'],
    ]
    for (const [what, recipient] of rows) {
      it(`${what}, the next one takes the original: one copy`, async () => {
        const { code, lines } = await path.send(mailAbout(what, { to: to(recipient) }))
        assert.equal(code, 250, lines.join())
        const [original, copy] = [await path.original(what), await path.copy(what)]
        assert.ok(isCopyOf(await copy.original(), original.raw))
        await path.settled()
        assert.deepEqual(endings(linesOf(uuidOf(lines) ?? '')), ['enqueued', 'delivered'])
      })
    }

    it('it times out, nobody knows what became of the original: one copy, in doubt', async () => {
      const before = await path.status()
      const reply = await path.send(mailAbout('hung', { to: to('hang') }))
      assert.equal(reply.code, 450)
      await path.copy('hung')
      const { messages } = await path.settled()
      const uuid = uuidOf(reply.lines) ?? ''
      assert.deepEqual(endings(linesOf(uuid)), ['enqueued', 'in doubt', 'delivered'])
      assert.equal(messages.inDoubt, before.messages.inDoubt + 1)
      assert.equal(messages.withdrawn, before.messages.withdrawn)
    })

    it('the next hop accepts after the time is over: original and copy arrive', async () => {
      const gate = new Gate()
      path.onOriginal = () => ({ do: 'wait', until: gate.wait() })
      const reply = await path.send(mailAbout('too slow'))
      assert.equal(reply.code, 450)
      path.onOriginal = () => ({ do: 'accept' })
      gate.open()
      const [original, copy] = [await path.original('too slow'), await path.copy('too slow')]
      assert.ok(isCopyOf(await copy.original(), original.raw))
      await path.settled()
      assert.deepEqual(endings(linesOf(uuidOf(reply.lines) ?? '')), ['enqueued', 'delivered'])
    })
  })

  describe('when the client hangs up after the final dot', () => {
    async function sendTo(recipient: string, subject: string): Promise<SmtpClient> {
      const client = await SmtpClient.connect(path.haraka)
      const mail = mailAbout(subject, { to: to(recipient) })
      await client.begin(mail)
      client.write(wireForm(mail.raw))
      return client
    }

    it('and the next hop accepts later: the copy is sent, without a doubt', async () => {
      const gate = new Gate()
      path.onOriginal = () => ({ do: 'wait', until: gate.wait() })
      const client = await sendTo('bob', 'evasive')
      await gate.reached
      const log = following()
      client.hangUp()
      await log.line(/\[core\] disconnect/)
      path.onOriginal = () => ({ do: 'accept' })
      gate.open()
      const [original, copy] = [await path.original('evasive'), await path.copy('evasive')]
      assert.ok(isCopyOf(await copy.original(), original.raw))
      await log.line(/Message \S+ was successfully delivered/)
      await path.settled()
      assert.equal(path.copiesOf('evasive').length, 1)
      assert.ok(!log.texts().some((text) => text.includes('in doubt')))
    })

    it('and a queue plugin still has the original: one copy too many, in doubt', async () => {
      const log = following()
      const client = await sendTo('hold', 'held in queue')
      await log.line(/holding in the queue hook/)
      client.hangUp()
      await log.line(/in doubt/)
      await path.copy('held in queue')
      await path.settled()
      assert.deepEqual(path.originalsOf('held in queue'), [])
    })

    it('and nothing was written yet: no copy', async () => {
      const log = following()
      const client = await sendTo('hold-undecided', 'held before')
      await log.line(/holding before anything is queued/)
      client.hangUp()
      await log.line(/\[core\] disconnect/)
      await path.send(mailAbout('after held before'))
      await path.copy('after held before')
      await path.settled()
      assert.deepEqual(path.haraka.queueFiles(), [])
      assert.deepEqual(path.copiesOf('held before'), [])
      assert.deepEqual(
        log.texts().filter((text) => text.includes('in doubt') || text.includes('not copied')),
        [],
      )
    })

    it('and the copy is just being written: it goes again, and nothing was missed', async () => {
      const before = await path.status()
      const log = following()
      const client = await sendTo('slow', 'half written')
      await log.line(/the disk is slow now/)
      await path.untilQueue((names) => names.length === 1, 'no file is being written')
      client.hangUp()
      await log.line(/\[core\] disconnect/)
      await path.settled()
      await path.send(mailAbout('after half written'))
      await path.copy('after half written')
      assert.deepEqual(path.copiesOf('half written'), [])
      assert.deepEqual(path.originalsOf('half written'), [])
      const { messages } = await path.settled()
      assert.equal(messages.journalFailed, before.messages.journalFailed)
      assert.deepEqual(complaints(log.lines()), [])
    })

    it('at once, many times, with short and long mails: who is delivered is copied', async () => {
      const log = following()
      const subjects = Array.from({ length: 30 }, (_, i) => `hit and run ${i}`)
      const long = Buffer.from('x'.repeat(78) + '\r\n')
      await Promise.all(
        subjects.map(async (subject, i) => {
          const body = i % 3 === 0 ? Buffer.concat(Array<Buffer>(8000).fill(long)) : long
          const raw = Buffer.concat([Buffer.from(`Subject: ${subject}\r\n\r\n`), body])
          const client = await SmtpClient.connect(path.haraka)
          await client.sendAndHangUp(mailAbout(subject, { raw }))
        }),
      )
      const over = () => log.texts().filter((text) => text.startsWith('disconnect ')).length
      await path.haraka.lines.until(
        () => over() >= subjects.length,
        20_000,
        () => `only ${over()} of ${subjects.length} hung up\n${path.haraka.tail()}`,
      )
      await path.settled()
      await path.send(mailAbout('after all'))
      await path.copy('after all')
      for (const subject of subjects) {
        const originals = path.originalsOf(subject)
        const copies = path.copiesOf(subject)
        assert.ok(originals.length <= copies.length, `${subject}: delivered without a copy`)
        assert.ok(copies.length <= 1, `${subject}: ${copies.length} copies`)
        if (originals[0] && copies[0]) {
          assert.ok(isCopyOf(await copies[0].original(), originals[0].raw), subject)
        }
      }
    })
  })

  describe('when the copy cannot be written', () => {
    const long = Buffer.from(('y'.repeat(78) + '\r\n').repeat(5000))
    const faults: [recipient: string, why: RegExp][] = [
      ['enospc', /no space left on the queue disk \(ENOSPC\)/],
      ['erofs', /the queue disk is read-only \(EROFS\)/],
      ['eio', /the queue disk reports an input\/output error \(EIO\)/],
      ['directory-eio', /the queue disk reports an input\/output error \(EIO\)/],
      ['rename-enospc', /no space left on the queue disk \(ENOSPC\)/],
      ['truncated', /\d+ octets on disk, \d+ written/],
    ]
    const sizes: [string, Buffer][] = [
      ['a short mail', Buffer.from('Body.\r\n')],
      ['a long mail', long],
    ]
    const policies: [policy: string, code: number, outbound: number][] = [
      ['accept', 250, 250],
      ['tempfail', 451, 450],
    ]

    for (const [policy, code, outbound] of policies) {
      describe(`on_journal_failure=${policy}`, () => {
        const usual = () => (policy === 'accept' ? first : undefined)
        before(async () => {
          const main = [...(OPTIONS.main ?? []), `on_journal_failure=${policy}`]
          path.haraka = usual() ?? (await path.makeGateway({ ...OPTIONS, main }))
          if (!path.haraka.running) await path.haraka.start()
        })
        after(async () => {
          await path.settled()
          assert.deepEqual(path.haraka.queueFiles(), [])
          if (path.haraka !== first) await path.haraka.remove()
          path.haraka = first
        })

        async function misses(mail: Mail, subject: string, why: RegExp): Promise<void> {
          const [before, log] = [await path.status(), following()]
          const reply = await path.send(mail)
          assert.equal(reply.code, code, reply.lines.join())
          const line = await log.line(/ not copied to the message intake address /)
          assert.match(line, why)
          assert.match(line, new RegExp(`\\(on_journal_failure=${policy}\\)$`))
          assert.equal(path.originalsOf(subject).length, code === 250 ? 1 : 0)
          const { messages } = await path.settled()
          assert.equal(messages.journalFailed, before.messages.journalFailed + 1)
          assert.deepEqual(path.copiesOf(subject), [])
        }

        for (const [recipient, why] of faults) {
          for (const [size, body] of sizes) {
            it(`${recipient}, ${size}: ${code}`, async () => {
              const subject = `${policy} ${recipient} ${size}`
              const raw = Buffer.concat([Buffer.from(`Subject: ${subject}\r\n\r\n`), body])
              await misses(mailAbout(subject, { to: to(recipient), raw }), subject, why)
            })
          }
        }

        it(`no queue directory: ${code}`, async () => {
          const queue = join(path.haraka.dir, 'queue')
          renameSync(queue, `${queue}.away`)
          const subject = `${policy} without directory`
          const [before, log] = [await path.status(), following()]
          const reply = await path.send(mailAbout(subject))
          renameSync(`${queue}.away`, queue)
          assert.equal(reply.code, code, reply.lines.join())
          await log.line(/the queue file or directory is gone \(ENOENT\)/)
          assert.equal(path.originalsOf(subject).length, code === 250 ? 1 : 0)
          const { messages } = await path.status()
          assert.equal(messages.journalFailed, before.messages.journalFailed + 1)
        })

        it(`a file in the place of the queue directory: ${code}`, async () => {
          const queue = join(path.haraka.dir, 'queue')
          renameSync(queue, `${queue}.away`)
          writeFileSync(queue, '')
          const log = following()
          const reply = await path.send(mailAbout(`${policy} with a file`))
          renameSync(`${queue}.away`, `${queue}.dir`)
          renameSync(queue, `${queue}.file`)
          renameSync(`${queue}.dir`, queue)
          assert.equal(reply.code, code, reply.lines.join())
          await log.line(/not copied .*\(ENOTDIR\)/)
        })

        it(`on the way to Haraka's own outbound: ${outbound}`, async () => {
          const subject = `${policy} outbound`
          const mail = mailAbout(subject, { to: to('enospc', 'relayed') })
          const reply = await path.send(mail)
          assert.equal(reply.code, outbound, reply.lines.join())
          if (outbound === 250) await path.original(subject)
          await path.settled()
          assert.deepEqual(path.copiesOf(subject), [])
          assert.equal(path.originalsOf(subject).length, outbound === 250 ? 1 : 0)
        })

        it('one of two copies', async () => {
          const subject = `${policy} one of two`
          const mail = mailAbout(subject, { to: to('second-enospc', 'second') })
          if (policy === 'tempfail') await misses(mail, subject, /ENOSPC/)
          else {
            const reply = await path.send(mail)
            assert.equal(reply.code, 250)
            const copy = await path.copy(subject)
            assert.deepEqual(copy.to, [INTAKE_ADDRESS])
            await path.settled()
          }
        })

        it('a temporary file that another worker removed is written again', async () => {
          const subject = `${policy} temporary gone`
          const reply = await path.send(mailAbout(subject, { to: to('temporary-gone') }))
          assert.equal(reply.code, 250, reply.lines.join())
          await path.copy(subject)
          await path.settled()
        })
      })
    }

    describe('and in the end', () => {
      it('none of the copies that failed came to the intake after all', () => {
        for (const [policy] of policies) {
          for (const [recipient] of faults) {
            for (const [size] of sizes) {
              assert.deepEqual(path.copiesOf(`${policy} ${recipient} ${size}`), [])
            }
          }
          assert.deepEqual(path.copiesOf(`${policy} without directory`), [])
          assert.deepEqual(path.copiesOf(`${policy} with a file`), [])
        }
      })
    })
  })
})

const OPTIONS: MailPathOptions = {
  beforeTdc: ['tdc_inspect', 'faulty_disk'],
  afterTdc: ['queue_whims'],
  // Seconds for a hook; the connector's own work is not what runs out of time here.
  config: { plugin_timeout: '2\n', 'queue_whims.timeout': '0.5\n', 'tdc.timeout': '30\n' },
  main: ['incoming_domains=example.com'],
  sections: [
    // What fails here are queue files; the log has test/copy-log.test.ts.
    '[queue]',
    'write_ahead=file',
    '[policy.second]',
    'recipients=listed',
    'recipient_list[]=second@example.com',
    'intake=custom',
    'intake_address=second@scan.example',
  ],
}

interface Head {
  readonly uuid: string
  readonly domain: string
  readonly mail_from: { readonly original: string }
  readonly rcpt_to: readonly { readonly original: string }[]
}

/** The JSON at the beginning of a queue file. */
function headOf(file: Buffer): Head {
  const length = file.readUInt32BE(0)
  return JSON.parse(file.toString('utf8', 4, 4 + length)) as Head
}

/** What a copy's log lines tell, in short. */
function endings(lines: readonly string[]): string[] {
  const words: [string, RegExp][] = [
    ['enqueued', / enqueued for forwarding /],
    ['in doubt', / in doubt: /],
    ['withdrawn', / withdrawn: /],
    ['delivered', /TDC: Message \S+ was successfully delivered /],
    ['failed', /TDC: Message \S+ delivery failed /],
  ]
  return lines.flatMap((line) => words.filter(([, known]) => known.test(line)).map(([w]) => w))
}
