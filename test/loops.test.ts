import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HarakaServer } from './support/haraka'
import { mailAbout, MailPath, type MailPathOptions } from './support/mail-path'

const OWN = 'not copied for 1 recipient: a journal report of this installation'

const FORMATS: Readonly<Record<string, readonly string[]>> = {
  journal: [],
  bcc: ['[formats]', 'journal@scan.example=bcc'],
}

/** What a gateway sends to its intake comes in again at another one, as from any sender. */
describe('copies that come back', function () {
  this.timeout(60_000)

  for (const [format, sections] of Object.entries(FORMATS)) {
    describe(`in the format ${format}`, () => {
      let path: MailPath
      let first: HarakaServer
      let report: Buffer

      before(async () => {
        path = await MailPath.start({ ...OPTIONS, sections })
        first = path.haraka
        await path.send(mailAbout('once'))
        report = (await path.copy('once')).raw
        await path.settled()
      })
      after(async () => {
        await first.remove()
        await path.close()
      })

      it('to this gateway: not copied again', async () => {
        await path.send({ from: '', raw: report })
        await first.waitForLine(OWN)
        assert.equal((await path.settled()).queue.active, 0)
        assert.equal(path.intake.copies.size, 1)
      })

      it('to a gateway with the same tdc.key: neither', async () => {
        await comesTo(readFileSync(join(first.dir, 'config', 'tdc.key'), 'utf8'))
        await path.haraka.waitForLine(OWN)
        await path.settled()
        assert.equal(path.intake.copies.size, 1)
        await path.haraka.remove()
      })

      it('to a stranger: a mail as any other (control)', async () => {
        await comesTo(undefined)
        await path.intake.copies.until(
          () => path.intake.copies.size === 2,
          10_000,
          () => path.haraka.tail(),
        )
        await path.haraka.remove()
      })

      it('made before tdc.key was changed, and after it: neither', async () => {
        path.haraka = first
        const copies = path.intake.copies.size
        first.writeConfig('tdc.key', `${'ab'.repeat(32)}\n`)
        await first.waitForLine('tdc.key was changed: it is in force')
        const known = () => first.log.filter((line) => line.includes(OWN)).length
        const before = known()
        await path.send({ from: '', raw: report })
        await path.send(mailAbout('changed key'))
        const { raw } = await path.copy('changed key')
        await path.send({ from: '', raw })
        await path.settled()
        assert.deepEqual([known() - before, path.intake.copies.size - copies], [2, 1])
      })

      it('made by 0.2.0, with its shorter token: copied as any other mail, and the line says why', async () => {
        path.haraka = first
        const copies = path.intake.copies.size
        const token = /^X-Haraka-TDC:.*(?:\r\n[ \t].*)*/m
        const old = report
          .toString('latin1')
          .replace(token, `X-Haraka-TDC: v=1; id=x; mac=${'0'.repeat(64)}`)
        await path.send({ from: '', raw: Buffer.from(old.replace('once', 'of 0.2.0'), 'latin1') })
        await first.waitForLine('carries the token of a report and is none of ours: it is no token')
        await path.copy('of 0.2.0')
        await path.settled()
        assert.equal(path.intake.copies.size, copies + 1)
      })

      async function comesTo(key: string | undefined): Promise<void> {
        const config = key === undefined ? {} : { 'tdc.key': key }
        path.haraka = await path.makeGateway({ ...OPTIONS, sections, config })
        await path.haraka.start()
        await path.send({ from: '', raw: report })
      }
    })
  }
})

const OPTIONS: MailPathOptions = { beforeTdc: ['tdc_inspect'] }
