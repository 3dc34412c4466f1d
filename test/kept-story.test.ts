import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { complaints } from './support/haraka'
import { isCopyOf } from './support/identical'
import { mailAbout, MailPath } from './support/mail-path'

const OWN_FOLDER = 'error.tdc'

/** Haraka reads a file again five seconds after its last change. */
const RELOADED = 20_000

const OPTIONS = {
  beforeTdc: ['tdc_inspect'],
  delivery: ['max_age=2', 'retry_delay=1'],
  sections: ['[failed]', 'keep=true'],
}

describe('copies that the intake did not take in time', function () {
  this.timeout(60_000)
  let path: MailPath

  afterEach(() => path.close())

  const keptFiles = () => readdirSync(join(path.haraka.dir, 'queue', OWN_FOLDER, 'kept'))
  const queueIsEmpty = () =>
    path.untilQueue((names) => names.every((name) => name === OWN_FOLDER), 'files in the queue')
  const rowsOf = (listing: string) => listing.split('\n').filter((line) => line.startsWith('Q: '))

  for (const nodes of [0, 2]) {
    const whose = nodes > 0 ? `, of ${nodes} workers` : ''
    it(`are kept over restarts, with or without the plugin, and replayed once, marked${whose}`, () =>
      keptAndReplayed(nodes))
  }

  async function keptAndReplayed(nodes: number): Promise<void> {
    path = await MailPath.start({ ...OPTIONS, nodes })
    const subjects = ['first', 'second', 'third']
    let intakeIsUp = () => {}
    const down = new Promise<string>((resolve) => {
      intakeIsUp = () => resolve('421 4.3.2 was down')
    })
    path.onCopy = () => down
    for (const subject of subjects) {
      assert.equal((await path.send(mailAbout(subject))).code, 250)
    }
    const isKept = / kept for a replay$/
    const keptLines = () => path.haraka.log.filter((line) => isKept.test(line))
    await path.haraka.waitForLine(() => keptLines().length === subjects.length)
    await queueIsEmpty()
    assert.equal(keptFiles().length, subjects.length)
    if (nodes === 0) assert.equal((await path.status()).messages.kept, subjects.length)
    assert.deepEqual(rowsOf(await path.haraka.command('--qlist')), [])

    await path.haraka.stop()
    const withPlugin = path.haraka.config('plugins')
    path.haraka.writeConfig('plugins', withPlugin.replace(/^tdc\n/m, ''))
    await path.haraka.start()
    assert.equal((await path.send(mailAbout('without the plugin'))).code, 250)
    await path.haraka.stop()
    path.haraka.writeConfig('plugins', withPlugin)
    await path.haraka.start()
    assert.equal(keptFiles().length, subjects.length)
    assert.deepEqual(
      path.haraka.log.filter((line) => line.includes(' found in the queue for ')),
      [],
    )

    intakeIsUp()
    path.onCopy = () => Promise.resolve(undefined)
    assert.deepEqual(JSON.parse(await path.ask('TDC REPLAY')), {
      replayed: subjects.length,
      refused: 0,
      left: 0,
    })
    for (const subject of subjects) {
      const [original, copy] = [await path.original(subject), await path.copy(subject)]
      assert.ok(isCopyOf(await copy.original(), original.raw), subject)
      assert.match(
        copy.raw.toString('latin1'),
        /^X-TDC-Replayed: .*; reason=expired;\r\n given-up=/,
      )
    }
    await queueIsEmpty()
    for (const subject of subjects) assert.equal(path.copiesOf(subject).length, 1, subject)
    assert.deepEqual(keptFiles(), [])
    const errors = complaints(path.haraka.log).filter((line) => !line.startsWith('[WARN]'))
    assert.deepEqual(errors, [])
  }

  it('are dropped when the settings are changed so that they are too many', async () => {
    path = await MailPath.start(OPTIONS)
    path.onCopy = () => Promise.resolve('550 5.1.1 no')
    assert.equal((await path.send(mailAbout('refused'))).code, 250)
    await path.haraka.waitForLine(/ kept for a replay$/)
    const settings = path.haraka.config('tdc.ini')
    path.haraka.writeConfig('tdc.ini', settings.replace(/^keep=true$/m, '$&\nkeep_bytes=1'))
    const dropped = (line: string) => / dropped: keep_bytes$/.test(line)
    await path.haraka.lines.first(dropped, RELOADED, () => path.haraka.tail())
    assert.deepEqual(keptFiles(), [])
  })

  it('wait while they are held, also over a restart, and go out when they are released', async () => {
    path = await MailPath.start(OPTIONS)
    await path.ask('TDC HOLD')
    assert.equal((await path.send(mailAbout('held'))).code, 250)
    await path.haraka.restart()
    await path.haraka.waitForLine(/ found in the queue for the message intake address /)
    assert.equal(path.copiesOf('held').length, 0)
    assert.equal((await path.status()).held, 1)
    assert.equal(await path.ask('TDC RELEASE'), '1')
    await path.copy('held')
    await queueIsEmpty()
    assert.equal(path.copiesOf('held').length, 1)
  })
})

describe('on a disk that is nearly full', function () {
  this.timeout(60_000)

  it('no copy is written: the client is told to come back, or the miss is counted', async () => {
    for (const [policy, code] of [
      ['tempfail', 451],
      ['accept', 250],
    ] as const) {
      const path = await MailPath.start({
        ...OPTIONS,
        main: [`on_journal_failure=${policy}`],
        sections: ['[queue]', 'min_free_space=999999999G'],
      })
      try {
        assert.equal((await path.send(mailAbout('no room'))).code, code)
        const line = await path.haraka.waitForLine(/ not copied to the message intake address /)
        assert.match(line, / free on the queue disk, min_free_space is \d+ MB /)
        assert.match(line, new RegExp(`on_journal_failure=${policy}`))
        assert.equal((await path.status()).messages.journalFailed, 1)
        assert.deepEqual(path.haraka.queueFiles(), [])
      } finally {
        await path.close()
      }
    }
  })
})
