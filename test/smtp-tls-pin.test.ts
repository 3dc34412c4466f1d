import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pinOf } from '../plugins/tdc/smtp/certificate'
import type { TlsPolicy } from '../plugins/tdc/smtp/options'
import { createAuthority, selfSigned } from './support/certificates'
import type { TlsMaterial } from './support/fault-server'
import { anyAuthority, INTAKE, IntakeLink, outgoing, VERIFIED } from './support/intake-link'
import { run } from './support/run'
import { makeTempDir } from './support/temp-dir'

const OTHER_PIN = Buffer.alloc(32, 7).toString('base64')

interface Row {
  readonly what: string
  readonly policy: (pin: string) => Partial<TlsPolicy>
  readonly material?: () => Promise<TlsMaterial>
  /** The failure's text; undefined: a session stands. */
  readonly text?: (pin: string) => string
}

const unlike = (pin: string) => `the key sha256//${pin} is not one of [tls] pin`
const UNKNOWN_ISSUER = 'the issuer is not known (UNABLE_TO_VERIFY_LEAF_SIGNATURE)'
const DAY = 86_400_000

const ROWS: readonly Row[] = [
  { what: 'the right pin and a good certificate', policy: (pin) => ({ pins: [pin] }) },
  { what: 'the right pin among others', policy: (pin) => ({ pins: [OTHER_PIN, pin] }) },
  {
    what: 'a wrong pin and a good certificate',
    policy: () => ({ pins: [OTHER_PIN] }),
    text: unlike,
  },
  {
    what: 'the right pin and an unknown authority',
    policy: (pin) => ({ pins: [pin] }),
    material: async () => (await createAuthority('Other')).issue({ names: [INTAKE] }),
    text: () => UNKNOWN_ISSUER,
  },
  {
    what: 'verify=false, the right pin, a self-signed certificate for another name',
    policy: (pin) => ({ verify: false, pins: [pin] }),
    material: () => selfSigned({ names: ['x.example'] }),
  },
  {
    what: 'verify=false, the right pin, an expired certificate',
    policy: (pin) => ({ verify: false, pins: [pin] }),
    material: async () => {
      const ended = {
        notBefore: new Date(Date.now() - 2 * DAY),
        notAfter: new Date(Date.now() - DAY),
      }
      return (await anyAuthority()).issue({ names: [INTAKE], ...ended })
    },
  },
  {
    what: 'verify=false, a wrong pin, a good certificate',
    policy: () => ({ verify: false, pins: [OTHER_PIN] }),
    text: unlike,
  },
]

describe('delivery: [tls] pin', () => {
  for (const { what, policy, material, text } of ROWS) {
    it(`${what}: ${text ? 'nothing is sent' : 'sent'}`, async () => {
      const authority = await anyAuthority()
      const tls = material ? await material() : await authority.issue({ names: [INTAKE] })
      const pin = pinOf(new X509Certificate(tls.cert)) ?? ''
      const link = await IntakeLink.start(
        { tls },
        { tls: { ...VERIFIED, ca: authority.caPem, ...policy(pin) } },
      )
      const opened = await link.open()
      if (text) {
        assert(opened.kind === 'failed' && opened.failure.kind === 'tls', JSON.stringify(opened))
        assert.equal(opened.failure.reason, 'certificate-not-trusted')
        assert.equal(opened.failure.text, text(pin))
        assert.deepEqual(link.kinds(), ['connected', 'tls-failed'])
        const [seen] = link.server.connections.map((connection) => connection.seen)
        assert.deepEqual(seen?.lines('tls'), [], 'not even EHLO')
      } else {
        assert(opened.kind === 'open', JSON.stringify(opened))
        assert.equal((await opened.session.send(outgoing())).outcome.kind, 'delivered')
        opened.session.destroy()
      }
      await link.close()
    })
  }

  it('is checked on every connection', async () => {
    const tls = await (await anyAuthority()).issue({ names: [INTAKE] })
    const pins = [pinOf(new X509Certificate(tls.cert)) ?? '']
    const { caPem } = await anyAuthority()
    const material = { ...tls }
    const link = await IntakeLink.start(
      { tls: material },
      { tls: { ...VERIFIED, ca: caPem, pins } },
    )
    const session = await link.session()
    // Another key behind the same name, as good by its chain as the first.
    Object.assign(material, await (await anyAuthority()).issue({ names: [INTAKE] }))
    assert.equal((await link.open()).kind, 'failed')
    session.destroy()
    await link.close()
  })

  const KEYS: readonly (readonly [string, () => { privateKey: KeyObject }])[] = [
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['RSA-PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
  ]
  for (const [kind, make] of KEYS) {
    it(`is what openssl says of a key of ${kind}`, async () => {
      const dir = makeTempDir('pin')
      const { privateKey } = make()
      writeFileSync(join(dir, 'key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
      const shell = (script: string) => run('sh', ['-c', script], { cwd: dir })
      await shell('openssl req -new -x509 -key key -subj /CN=x -days 1 -out cert')
      const said = await shell(
        'openssl x509 -in cert -pubkey -noout | openssl pkey -pubin -outform der | ' +
          'openssl dgst -sha256 -binary | openssl enc -base64',
      )
      const certificate = new X509Certificate(await shell('cat cert'))
      assert.equal(pinOf(certificate), said.trim())
    })
  }
})

describe('delivery: [tls] names', () => {
  const table: readonly (readonly [names: string[], refused: boolean])[] = [
    [['localhost'], false],
    [['mx.example', 'localhost'], false],
    [['mx.example'], true],
    [['*.localhost'], true],
  ]
  for (const [names, refused] of table) {
    it(`${names.join(', ')}: ${refused ? 'no connection' : 'sent'}`, async () => {
      const { caPem } = await anyAuthority()
      const link = await IntakeLink.start({}, { tls: { ...VERIFIED, ca: caPem, names } })
      const opened = await link.open()
      assert.equal(opened.kind, refused ? 'failed' : 'open')
      if (opened.kind === 'open') opened.session.destroy()
      else {
        const text = 'the host is not one of [tls] names'
        assert.deepEqual(opened.failure, { kind: 'tls', reason: 'validation-failure', text })
        assert.deepEqual(link.kinds(), ['tls-failed'])
        assert.equal(link.server.connections.length, 0)
      }
      await link.close()
    })
  }
})
