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
