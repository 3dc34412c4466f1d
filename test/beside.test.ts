import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { textOf } from './support/documents'
import { isCopyOf } from './support/identical'
import { MailPath } from './support/mail-path'
import { repository } from './support/run'

/** A row of the table in docs/install.md; `version` only of packages of their own. */
interface Row {
  readonly name: string
  readonly version: string
  readonly beside: string
}

const PACKAGES = [
  ...textOf('docs/install.md').matchAll(/^\| `([\w.-]+)` +\| ([\d.]+) +\| ([^|]*?) +\|/gm),
]
const ROWS: readonly Row[] = PACKAGES.map(([, name = '', version = '', beside = '']) => ({
  name,
  version,
  beside,
}))
const TESTED = ROWS.filter(({ beside }) => beside.includes('tests')).map(({ name }) => name)
const OF_HARAKA = [
  'data.signatures',
  'delay_deny',
  'prevent_credential_leaks',
  'record_envelope_addresses',
  'status',
  'xclient',
]

const HEADER = [
  'From: Alice <alice@example.net>',
  'To: Bob <bob@example.com>',
  'Date: Fri, 27 Nov 2026 20:00:00 +0000',
]

const DISCARDS = `
exports.hook_data_post = (next, { transaction: { header, notes } }) => {
  if (header.get('Subject').trim() === 'drop') notes.discard = true
  next()
}`

describe('beside other plugins', function () {
  this.timeout(60_000)

  it('the table names the versions that are installed here', () => {
    assert.ok(ROWS.length > 20)
    const wrong = ROWS.filter(({ name, version }) => (installed(name) ?? version) !== version)
    assert.deepEqual(wrong, [])
  })

  describe(`all ${TESTED.length + OF_HARAKA.length} of them at once`, () => {
    let path: MailPath
    const send = (subject: string, to: string[]) => {
      const own = [`Subject: ${subject}`, `Message-ID: <${subject}@example.net>`]
      const raw = Buffer.from(`${[...HEADER, ...own].join('\r\n')}\r\n\r\nHello.\r\n`)
      return path.send({ from: 'alice@example.net', to, raw })
    }

    before(async () => {
      path = await MailPath.start({
        beforeTdc: [...TESTED, ...OF_HARAKA, 'tdc_inspect', 'discards'],
        sources: { discards: DISCARDS },
      })
    })
    after(() => path.close())

    it('one original, one copy of it', async () => {
      const loaded = path.haraka.log.filter((line) => line.includes('[plugins] loading '))
      assert.ok(loaded.length > TESTED.length, 'all of them are loaded')
      assert.equal((await send('all', ['bob@example.com'])).code, 250)
      const [original, copy] = [await path.original('all'), await path.copy('all')]
      assert.ok(isCopyOf(await copy.original(), original.raw))
    })

    it('what aliases discards, having inherited the hooks of queue/discard, has no copy', async () => {
      assert.equal((await send('drop', ['bob@example.com'])).code, 250)
      await path.settled()
      assert.deepEqual([path.originalsOf('drop').length, path.copiesOf('drop').length], [0, 0])
    })
  })
})

/** The version of a plugin's package; undefined: it does not come with Haraka. */
function installed(name: string): string | undefined {
  try {
    const file = join(repository, 'node_modules', `haraka-plugin-${name}`, 'package.json')
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  } catch {
    return undefined
  }
}
