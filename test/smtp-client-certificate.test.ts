import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkDomain } from '../plugins/tdc/delivery/check'
import { readSettings } from '../plugins/tdc/settings/read'
import { type Authority, createAuthority, type KeyAndCertificate } from './support/certificates'
import { startPostfix, whatIsMissing } from './support/postfix'
import type { FaultServerOptions } from './support/fault-server'
import { anyAuthority, INTAKE, IntakeLink, outgoing, VERIFIED } from './support/intake-link'
import { sourceOf } from './support/settings-source'
import { makeTempDir } from './support/temp-dir'
import { DISCARDING } from './bench/rtt'

const WISH = 'the intake asks for a client certificate, and [tls] client_certificate is not set'

describe('an intake that asks for a client certificate', () => {
  let clients: Authority
  let ours: KeyAndCertificate
  before(async () => {
    clients = await createAuthority('Clients')
    ours = await clients.issue({ names: ['gateway.example'], client: true })
  })

  async function start(
    must: boolean,
    client: KeyAndCertificate | undefined,
    server: Partial<FaultServerOptions> & { maxVersion?: 'TLSv1.2' } = {},
  ): Promise<IntakeLink> {
    const authority = await anyAuthority()
    const { maxVersion, ...rest } = server
    const own = await authority.issue({ names: [INTAKE] })
    const tls = { ...own, asks: { ca: clients.caPem, must }, ...(maxVersion && { maxVersion }) }
    return IntakeLink.start({ ...rest, tls }, { tls: { ...VERIFIED, ca: authority.caPem, client } })
  }

  for (const maxVersion of ['TLSv1.2', undefined] as const) {
    it(`has ours, by ${maxVersion ?? 'TLSv1.3'}`, async () => {
      const link = await start(true, ours, maxVersion && { maxVersion })
      const session = await link.session()
      assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
      assert.equal(link.server.connections[0]?.seen.tls?.client, 'CN=gateway.example')
      assert(!link.kinds().includes('certificate-wanted'))
      session.destroy()
      await link.close()
    })
  }

  const missing = whatIsMissing()
  it(`has ours, where it is a Postfix with smtpd_tls_req_ccert${missing ? `: left out, ${missing}` : ''}`, async function () {
    if (missing) return
    this.timeout(30_000)
    const authority = await anyAuthority()
    const folder = makeTempDir('clients')
    chmodSync(folder, 0o755)
    writeFileSync(join(folder, 'clients.pem'), clients.caPem)
    const postfix = await startPostfix({
      certificate: await authority.issue({ names: [INTAKE] }),
      settings: {
        ...DISCARDING,
        relay_domains: 'example.com',
        smtpd_tls_req_ccert: 'yes',
        smtpd_tls_CAfile: join(folder, 'clients.pem'),
      },
    })
    const ends: string[] = []
    for (const client of [ours, undefined]) {
      const link = await IntakeLink.start({}, () => ({
        route: { host: INTAKE, port: postfix.port },
        tls: { ...VERIFIED, ca: authority.caPem, client },
      }))
      const opened = await link.open()
      const sent = opened.kind === 'open' ? await opened.session.send(outgoing()) : undefined
      const wanted = link.kinds().includes('certificate-wanted') ? ', wanted' : ''
      ends.push(`${sent?.outcome.kind ?? opened.kind}${wanted}`)
      if (opened.kind === 'open') opened.session.destroy()
      await link.close()
    }
    await postfix.close()
    assert.deepEqual(ends, ['delivered', 'failed, wanted'])
  })

  it('is served without when it only asks, and nothing is told of it', async () => {
    const link = await start(false, undefined)
    const session = await link.session()
    assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
    assert(!link.kinds().includes('certificate-wanted'))
    session.destroy()
    await link.close()
  })

  const refusals = ['421 4.7.1 Error', '454 4.7.5 No', '554 5.7.1 No certificate']
  for (const [on, replies] of [
    ['EHLO2', refusals],
    ['MAIL', ['530 5.7.1 No', ...refusals]],
  ] as const) {
    for (const reply of replies) {
      it(`is told apart when it says ${reply.slice(0, 3)} to ${on}`, async () => {
        const link = await start(false, undefined, { script: [{ on, reply }] })
        const opened = await link.open()
        if (opened.kind === 'open') {
          await opened.session.send(outgoing())
          opened.session.destroy()
        }
        const [wanted] = link.events.filter(({ kind }) => kind === 'certificate-wanted')
        assert(wanted?.kind === 'certificate-wanted')
        assert.equal(wanted.said, `${on.slice(0, 4)}: ${reply}`)
        await link.close()
      })
    }
  }

  it('is told apart when it ends the handshake (TLS 1.2)', async () => {
    const link = await start(true, undefined, { maxVersion: 'TLSv1.2' })
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'tls')
    const alert = 'the intake ended the handshake: alert handshake_failure (40)'
    assert.equal(opened.failure.text, `${alert}; ${WISH}`)
    await link.close()
  })

  it('is told apart when it ends what seemed to stand (TLS 1.3)', async () => {
    const link = await start(true, undefined)
    const opened = await link.open()
    assert.equal(opened.kind, 'failed')
    assert(link.kinds().includes('certificate-wanted'), link.kinds().join(' '))
    await link.close()
  })

  it('and `check` says so', async () => {
    const script = [{ on: 'EHLO2' as const, reply: '421 4.7.1 Error' }]
    const link = await start(false, undefined, { script })
    const { hosts } = await checkDomain(link.options, () => undefined)
    assert.equal(hosts[0]?.problem, `EHLO: 421 Error; ${WISH}`)
    await link.close()
  })

  it('a refusal of one that does not ask is no matter of certificates (control)', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'EHLO2', reply: '421 4.7.1 Error' }] })
    await link.open()
    assert(!link.kinds().includes('certificate-wanted'))
    await link.close()
  })
})

describe('[tls] client_certificate and client_key', () => {
  let pair: KeyAndCertificate
  let other: KeyAndCertificate
  let short: KeyAndCertificate
  before(async () => {
    const authority = await anyAuthority()
    pair = await authority.issue({ names: ['gateway.example'] })
    other = await authority.issue({ names: ['gateway.example'] })
    short = await authority.issue({ names: ['gateway.example'], rsa: 1024 })
  })

  const BOTH = '[tls]\nclient_certificate=c.pem\nclient_key=k.pem'
  const read = (ini: string, files: Readonly<Record<string, string>>) =>
    readSettings(
      sourceOf(ini, {
        readFile: (path) => {
          const text = files[path]
          return text === undefined ? { kind: 'unreadable', why: 'ENOENT' } : { kind: 'text', text }
        },
      }),
    )
  const problems = (ini: string, files: Readonly<Record<string, string>>): readonly string[] => {
    const result = read(ini, files)
    return result.kind === 'refused' ? result.problems : []
  }
  const both = (cert: string, key: string) => ({ 'c.pem': cert, 'k.pem': key })

  it('are read', () => {
    const result = read(BOTH, both(pair.cert, pair.key))
    assert(result.kind === 'settings', JSON.stringify(result))
    assert.deepEqual(result.settings.delivery.tls.client, { cert: pair.cert, key: pair.key })
  })

  it('are refused one without the other', () => {
    assert.deepEqual(problems('[tls]\nclient_certificate=c.pem', both(pair.cert, pair.key)), [
      'tdc.ini [tls] client_certificate=c.pem: needs [tls] client_key too',
    ])
    assert.deepEqual(problems('[tls]\nclient_key=k.pem', both(pair.cert, pair.key)), [
      'tdc.ini [tls] client_key=k.pem: needs [tls] client_certificate too',
    ])
  })

  it('are refused when they are not there, not PEM, encrypted, too weak, or not a pair', () => {
    assert.deepEqual(problems(BOTH, {}), [
      'tdc.ini [tls] client_certificate=c.pem: the file cannot be read: ENOENT',
      'tdc.ini [tls] client_key=k.pem: the file cannot be read: ENOENT',
    ])
    assert.deepEqual(problems(BOTH, both('hello', 'hello')), [
      'tdc.ini [tls] client_certificate=c.pem: no PEM certificate that can be parsed is in the file',
      'tdc.ini [tls] client_key=k.pem: no PEM key that can be parsed is in the file',
    ])
    const encrypted = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    }).privateKey
    assert.deepEqual(problems(BOTH, both(pair.cert, encrypted)), [
      'tdc.ini [tls] client_key=k.pem: the key is encrypted',
    ])
    assert.deepEqual(problems(BOTH, both(pair.cert, other.key)), [
      'tdc.ini [tls] client_key=k.pem: is not the key of the first certificate in client_certificate',
    ])
    assert.deepEqual(problems(BOTH, both(short.cert, short.key)), [
      'tdc.ini [tls] client_certificate=c.pem: OpenSSL refuses it: ee key too small',
    ])
  })

  it('nothing of the key stands in a sentence', () => {
    const text = JSON.stringify(problems(BOTH, both(pair.cert, other.key)))
    assert(!text.includes('PRIVATE') && !text.includes(other.key.slice(40, 60)))
  })
})
