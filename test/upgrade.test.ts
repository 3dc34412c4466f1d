import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { complaints, logText } from './support/haraka'
import { MailPath } from './support/mail-path'

const FIXTURES = join(__dirname, 'fixtures')

/** Folders of queue files that an earlier version wrote. */
const VERSIONS = readdirSync(FIXTURES).flatMap((name) => /^queue-(.+)$/.exec(name)?.[1] ?? [])

const QUEUE_FILE = /^\d+_\d+_\d+_\d+_/

/** A queue file as its format says, read without the plugin's own code. */
interface Queued {
  readonly name: string
  readonly uuid: string
  readonly intake: string
  readonly attempts: number
  /** The message as DATA ends it, dot-stuffing taken out. */
  readonly message: Buffer
}

function readQueued(folder: string, name: string): Queued {
  const bytes = readFileSync(join(folder, name))
  const start = 4 + bytes.readUInt32BE(0)
  const todo = JSON.parse(bytes.toString('utf8', 4, start)) as {
    uuid: string
    rcpt_to: { original: string }[]
  }
  const text = bytes.toString('latin1', start).replace(/^\.\./gm, '.')
  return {
    name,
    uuid: todo.uuid,
    intake: todo.rcpt_to[0]?.original ?? '',
    attempts: Number(name.split('_')[2]),
    message: Buffer.from(text, 'latin1'),
  }
}

describe('an upgrade with copies in the queue', function () {
  this.timeout(60_000)
  let path: MailPath

  before(async () => {
    path = await MailPath.start({ beforeTdc: ['tdc_inspect'], delivery: ['retry_delay=1'] })
  })
  after(() => path.close())
  beforeEach(() => path.haraka.stop())

  function putInto(queued: readonly Queued[], folder: string): void {
    const queue = join(path.haraka.dir, 'queue')
    mkdirSync(queue, { recursive: true })
    for (const { name } of queued) copyFileSync(join(folder, name), join(queue, name))
  }

  const linesAbout = (mid: string) => path.haraka.log.map(logText).filter((l) => l.includes(mid))

  it('there are files of an earlier version', () => assert.ok(VERSIONS.includes('0.1.0')))

  for (const version of VERSIONS) {
    const folder = join(FIXTURES, `queue-${version}`)
    const names = readdirSync(folder).filter((name) => QUEUE_FILE.test(name))
    const queued = names.map((name) => readQueued(folder, name))

    it(`delivers what version ${version} wrote, to the intake it was queued for, as it was`, async () => {
      const long = queued.filter(({ message }) => message.length > 256 * 1024)
      assert.deepEqual([queued.length, long.length], [5, 2])
      putInto(queued, folder)
      const before = path.intake.copies.size
      await path.haraka.start()
      await path.settled()
      const arrived = path.intake.copies.entries.slice(before)
      assert.equal(arrived.length, queued.length, path.haraka.tail())
      for (const { uuid, intake, message } of queued) {
        const copy = arrived.find(({ raw }) => raw.equals(message))
        assert.ok(copy, `${uuid} did not arrive as it was`)
        assert.deepEqual(copy.to, [intake.slice(1, -1)])
        assert.deepEqual(
          linesAbout(uuid).filter((line) => line.includes('successfully delivered')).length,
          2,
        )
      }
      assert.deepEqual(complaints(path.haraka.log), [])
    })

    it(`counts the attempts that copies of version ${version} have had`, async () => {
      const retried = queued.filter(({ attempts }) => attempts > 0)
      assert.equal(retried.length, 1)
      putInto(retried, folder)
      path.onCopy = () => Promise.resolve('451 4.3.0 Later')
      const before = path.intake.copies.size
      await path.haraka.start()
      await path.settled()
      path.onCopy = () => Promise.resolve(undefined)
      assert.equal(path.intake.copies.size, before)
      const lines = linesAbout(retried[0]?.uuid ?? '')
      assert.equal(lines.filter((line) => line.includes(' Delivery start ')).length, 1)
      assert.ok(lines.some((line) => line.endsWith(': Hard Bounced.')))
    })
  }
})
