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

const MAIL = [
  'From: Alice <alice@example.net>',
  'To: Bob <bob@example.com>',
  'Subject: beside all',
  'Date: Fri, 27 Nov 2026 20:00:00 +0000',
  'Message-ID: <1@example.net>',
]

describe('beside other plugins', function () {
  this.timeout(60_000)

  it('the table names the versions that are installed here', () => {
    assert.ok(ROWS.length > 20)
    const wrong = ROWS.filter(({ name, version }) => (installed(name) ?? version) !== version)
    assert.deepEqual(wrong, [])
  })

  it(`all ${TESTED.length + OF_HARAKA.length} of them at once: one original, one copy of it`, async () => {
    const path = await MailPath.start({ beforeTdc: [...TESTED, ...OF_HARAKA] })
    try {
      const loaded = path.haraka.log.filter((line) => line.includes('[plugins] loading '))
      assert.ok(loaded.length > TESTED.length, 'all of them are loaded')
      const raw = Buffer.from(`${MAIL.join('\r\n')}\r\n\r\nHello.\r\n`)
      const { code } = await path.send({ from: 'alice@example.net', to: ['bob@example.com'], raw })
      assert.equal(code, 250)
      const [original, copy] = [await path.original('beside all'), await path.copy('beside all')]
      assert.ok(isCopyOf(await copy.original(), original.raw))
    } finally {
      await path.close()
    }
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
