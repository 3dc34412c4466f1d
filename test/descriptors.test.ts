import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { MailPath, mailAbout } from './support/mail-path'
import { programPath } from './support/needs'
import { comesTrue } from './support/comes-true'

const INTAKES = 500
const DESCRIPTORS = 256
const REGULAR = 20

/** A domain of its own for each recipient's intake, so a pool for each. */
const POLICIES = Array.from({ length: INTAKES }, (_, at) => [
  `[policy.p${at}]`,
  'recipients=listed',
  `recipient_list[]=u${at}@example.com`,
  'intake=custom',
  `intake_address=journal@i${at}.example`,
]).flat()

describe(`${INTAKES} intakes and ${DESCRIPTORS} descriptors`, function () {
  this.timeout(90_000)
  let path: MailPath

  before(async function () {
    // prlimit is of util-linux.
    if (!programPath('prlimit')) return this.skip()
    const under = () => ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`]
    path = await MailPath.start({ sections: POLICIES, tls: ['verify=false'], under })
    const route = `route=127.0.0.1:${path.intake.port}`
    const ini = path.haraka.config('tdc.ini')
    path.haraka.writeConfig('tdc.ini', ini.replace(/^port=\d+/m, route))
    await path.haraka.restart()
  })

  after(() => path?.close())

  it('are said at start to want more connections than there are', async () => {
    const line = await path.haraka.waitForLine('intake domains with')
    assert.match(line, /501 intake domains with min_connections=3 .* want 1503 .* 64 is what/)
  })

  it('one message to all of them, and others beside it: no original fails, no copy is lost', async () => {
    const to = Array.from({ length: INTAKES }, (_, at) => `u${at}@example.com`)
    const all = path.send(mailAbout('to all', { to }))
    const beside = Array.from({ length: REGULAR }, (_, at) => path.send(mailAbout(`beside ${at}`)))
    const [files, watch] = mostFiles(path.haraka.pid)
    const replies = await Promise.all([all, ...beside])
    assert.deepEqual(
      replies.map(({ code }) => code),
      replies.map(() => 250),
    )
    const expected = INTAKES + REGULAR
    const arrived = () => path.intake.copies.size >= expected
    assert.ok(await comesTrue(arrived, 60_000), `${path.intake.copies.size} copies`)
    clearInterval(watch)
    console.log(
      `      ${REGULAR} of ${REGULAR} regular mails, ${path.intake.copies.size} of ${expected} copies, ` +
        `at most ${files.most} of ${DESCRIPTORS} descriptors`,
    )
    assert.equal(path.copiesOf('to all').length + REGULAR, path.intake.copies.size)
    assert.ok(path.haraka.running)
    const lost = path.haraka.log.filter((line) =>
      /EMFILE|deferred|Bounced|not copied for/.test(line),
    )
    assert.deepEqual(lost, [])
  })
})

/** Descriptors that a process has open, at the most so far. */
function mostFiles(pid: number): [{ most: number }, NodeJS.Timeout] {
  const files = { most: 0 }
  const look = () => (files.most = Math.max(files.most, readdirSync(`/proc/${pid}/fd`).length))
  return [files, setInterval(look, 20)]
}
