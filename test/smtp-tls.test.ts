import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createConnection } from 'node:net'
import { Conversation } from '../plugins/tdc/smtp/conversation'
import { retriesOf } from '../plugins/tdc/delivery/retries'
import type { SmtpSession } from '../plugins/tdc/smtp/smtp-session'
import type { TlsFailureReason } from '../plugins/tdc/smtp/tls-failure'
import { systemClock } from '../plugins/tdc/clock'
import { createAuthority, selfSigned, WEAK_CIPHERS } from './support/certificates'
import type { FaultServerOptions, TlsMaterial } from './support/fault-server'
import {
  anyAuthority,
  INTAKE,
  IntakeLink,
  outgoing,
  TIMEOUTS,
  VERIFIED,
} from './support/intake-link'

const CANARY = 'canary-7f3a'

interface Row {
  readonly what: string
  readonly server?: Partial<FaultServerOptions>
  readonly material?: () => Promise<TlsMaterial>
  readonly reason: TlsFailureReason
  readonly text: string
}

const DAY = 86_400_000

const ROWS: readonly Row[] = [
  {
    what: 'STARTTLS is not offered',
    server: { starttls: false },
    reason: 'starttls-not-supported',
    text: 'STARTTLS is not offered',
  },
  ...['454 4.7.0 Not now', '502 5.5.1 No', '554 No', '421 4.3.2 Bye', '250 Fine', '354 Go'].map(
    (reply): Row => ({
      what: `STARTTLS is answered with ${reply}`,
      server: { script: [{ on: 'STARTTLS', reply }] },
      reason: 'starttls-not-supported',
      text: /^[45]/.test(reply)
        ? `STARTTLS was refused with ${reply.slice(0, 3)}`
        : `unexpected reply ${reply.slice(0, 3)} to STARTTLS`,
    }),
  ),
  {
    what: 'EHLO is not known',
    server: { script: [{ on: 'EHLO', reply: '502 5.5.1 What?' }] },
    reason: 'starttls-not-supported',
    text: 'EHLO is not supported',
  },
  ...['250-SIZE 1\r\n', '250 x', 'x', '\r\n'].map((extra): Row => ({
    what: `octets are injected behind the 220: ${JSON.stringify(extra)}`,
    server: { script: [{ on: 'STARTTLS', extra }] },
    reason: 'validation-failure',
    text: 'data behind the reply to STARTTLS',
  })),
  ...(['drop', 'reset', 'half-open'] as const).flatMap((then): Row[] => [
    {
      what: `${then} at STARTTLS`,
      server: { script: [{ on: 'STARTTLS', then }] },
      reason: 'validation-failure',
      text:
        then === 'reset'
          ? 'connection reset by peer after STARTTLS'
          : 'connection closed by peer after STARTTLS',
    },
    {
      what: `${then} in the handshake`,
      server: { script: [{ on: 'HANDSHAKE', then }] },
      reason: 'validation-failure',
      text: 'connection closed during the handshake (ECONNRESET)',
    },
  ]),
  {
    what: 'the ClientHello is answered in plain text',
    server: { script: [{ on: 'HANDSHAKE', reply: '250 hello' }] },
    reason: 'validation-failure',
    text: 'the answer is not TLS',
  },
  ...(
    [
      [20, 'bad_record_mac'],
      [40, 'handshake_failure'],
      [71, 'insufficient_security'],
      [80, 'internal_error'],
      [113, 'unknown'],
    ] as const
  ).map(([number, name]): Row => ({
    what: `the ClientHello is answered with alert ${number}`,
    server: {
      script: [{ on: 'HANDSHAKE', raw: `\x15\x03\x03\x00\x02\x02${String.fromCharCode(number)}` }],
    },
    reason: 'validation-failure',
    text: `the intake ended the handshake: alert ${name} (${number})`,
  })),
  {
    what: 'TLS 1.1 at most',
    material: async () => ({ ...(await issue()), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }),
    reason: 'validation-failure',
    text: 'the intake ended the handshake: alert protocol_version (70)',
  },
  {
    what: 'an expired certificate',
    material: () =>
      issue({ notBefore: new Date(Date.now() - 2 * DAY), notAfter: new Date(Date.now() - DAY) }),
    reason: 'certificate-expired',
    text: 'the certificate has expired (CERT_HAS_EXPIRED)',
  },
  {
    what: 'a certificate of tomorrow',
    material: () =>
      issue({ notBefore: new Date(Date.now() + DAY), notAfter: new Date(Date.now() + 2 * DAY) }),
    reason: 'validation-failure',
    text: 'the certificate is not yet valid (CERT_NOT_YET_VALID)',
  },
  {
    what: 'a certificate for another name',
    material: () => issue({ names: ['mx.other.example'] }),
    reason: 'certificate-host-mismatch',
    text: 'the certificate names other hosts (ERR_TLS_CERT_ALTNAME_INVALID): DNS:mx.other.example',
  },
  {
    what: 'a certificate for the address alone',
    material: () => issue({ names: [], ips: ['127.0.0.1'] }),
    reason: 'certificate-host-mismatch',
    text: 'the certificate names other hosts (ERR_TLS_CERT_ALTNAME_INVALID): IP Address:127.0.0.1',
  },
  {
    what: 'a certificate of an unknown authority',
    material: async () => (await createAuthority('Other')).issue({ names: [INTAKE] }),
    reason: 'certificate-not-trusted',
    text: 'the issuer is not known (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
  },
  {
    what: 'a certificate with an RSA key of 1,024 bits',
    material: async () => ({ ...(await issue({ rsa: 1024 })), ciphers: WEAK_CIPHERS }),
    reason: 'certificate-not-trusted',
    text: 'the certificate does not verify (UNSPECIFIED): EE certificate key too weak',
  },
  {
    what: 'a certificate that is signed with SHA-1',
    material: async () => ({ ...(await issue({ hash: 'SHA-1' })), ciphers: WEAK_CIPHERS }),
    reason: 'certificate-not-trusted',
    text: 'the certificate does not verify (UNSPECIFIED): CA signature digest algorithm too weak',
  },
  {
    what: 'a self-signed certificate',
    material: () => selfSigned({ names: [INTAKE] }),
    reason: 'certificate-not-trusted',
    text: 'the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)',
  },
]

describe('delivery: TLS', () => {
  for (const row of ROWS) {
    it(`nothing is sent when ${row.what}`, async () => {
      const link = await IntakeLink.start({
        ...row.server,
        ...(row.material ? { tls: await row.material() } : {}),
      })
      const opened = await link.open()
      assert(opened.kind === 'failed' && opened.failure.kind === 'tls', JSON.stringify(opened))
      assert.equal(opened.dcid, 1)
      const mayPass = /454|closed|reset by/.test(row.text) ? { mayPass: true } : {}
      assert.deepEqual(opened.failure, {
        kind: 'tls',
        reason: row.reason,
        text: row.text,
        ...mayPass,
      })
      assert.equal(retriesOf(opened.failure), 0)
      assert.deepEqual(link.kinds(), ['connected', 'tls-failed'])
      assert.equal(link.clock.pending, 0, 'no timer is left')
      await link.close()
      assertNothingInPlainText(link)
    })
  }

  it('a handshake that hangs ends after its own timer', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'HANDSHAKE', then: 'stall' }] })
    const opening = link.open()
    await link.server.until('HANDSHAKE')
    await link.clock.advance(TIMEOUTS.tls)
    const opened = await opening
    assert(opened.kind === 'failed' && opened.failure.kind === 'tls')
    assert.equal(opened.failure.text, 'handshake timed out')
    await link.close()
    assertNothingInPlainText(link)
  })

  it('a reply to STARTTLS that hangs is a TLS error', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'STARTTLS', then: 'stall' }] })
    const opening = link.open()
    await link.server.until('STARTTLS')
    await link.clock.advance(TIMEOUTS.command)
    const opened = await opening
    assert(opened.kind === 'failed' && opened.failure.kind === 'tls')
    assert.equal(opened.failure.text, 'connection timed out after STARTTLS')
    await link.close()
  })

  it('a good certificate: SNI is the host name, and only EHLO and STARTTLS are in plain text', async () => {
    const tls = await issue()
    const link = await IntakeLink.start({ tls })
    const session = await link.session()
    const result = await session.send(outgoing({ body: `${CANARY}\r\n` }))
    assert.equal(result.outcome.kind, 'delivered')
    const seen = link.server.connections[0]?.seen
    assert.equal(seen?.plaintext.toString(), 'EHLO gateway.example\r\nSTARTTLS\r\n')
    assert.equal(seen?.tls?.servername, INTAKE)
    assert.equal(seen?.tls?.resumed, false)
    const [connected, success] = link.events
    const { port } = link.server
    const address = '127.0.0.1'
    assert.deepEqual(connected, {
      kind: 'connected',
      dcid: 1,
      local: address,
      remote: address,
      port,
    })
    const certificate = new X509Certificate(tls.cert)
    assert(success?.kind === 'tls-success')
    assert.match(success.group ?? 'X25519', /^X25519(?:MLKEM768)?$/)
    assert.deepEqual(success, {
      kind: 'tls-success',
      dcid: 1,
      domain: 'example.com',
      host: INTAKE,
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      // With OpenSSL 3.5 the hybrid one, which Node 22 does not tell.
      group: success.group,
      sni: INTAKE,
      authorized: true,
      issuer: 'CN=Test Root',
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      certificateEnd: Date.parse(certificate.validTo),
      policy: ['config'],
    })
    session.destroy()
    await link.close()
  })

  it('an address as route: no SNI, and the certificate must name the address', async () => {
    const cases = [
      { material: await issue({ names: [], ips: ['127.0.0.1'] }), kind: 'open' },
      { material: await issue(), kind: 'failed' },
    ]
    for (const { material, kind } of cases) {
      const link = await IntakeLink.start({ tls: material }, (port) => ({
        route: { host: '127.0.0.1', port },
      }))
      const opened = await link.open()
      assert.equal(opened.kind, kind)
      assert.equal(link.server.connections[0]?.seen.tls?.servername, undefined)
      if (opened.kind === 'open') opened.session.destroy()
      await link.close()
    }
  })

  it('no connection resumes the TLS session of another', async () => {
    const link = await IntakeLink.start()
    for (let round = 0; round < 3; round++) {
      const session = await link.session()
      await session.send(outgoing())
      session.destroy()
    }
    assert.deepEqual(
      link.server.connections.map(({ seen }) => seen.tls?.resumed),
      [false, false, false],
    )
    await link.close()
  })

  it('an intake cannot start the handshake over', async () => {
    const link = await IntakeLink.start({ tls: { ...(await issue()), maxVersion: 'TLSv1.2' } })
    const session = await link.session()
    assert.equal(await link.server.connections[0]?.wire.renegotiate(), 'refused')
    session.destroy()
    await link.close()
  })

  it('verify=false takes any certificate, but still no old protocol', async () => {
    const tls = { ...VERIFIED, verify: false, ca: undefined }
    const good = await IntakeLink.start({ tls: await selfSigned({ names: ['x'] }) }, { tls })
    const session = await good.session()
    session.destroy()
    await good.close()
    const old = { ...(await issue()), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    const bad = await IntakeLink.start({ tls: old }, { tls })
    assert.equal((await bad.open()).kind, 'failed')
    await bad.close()
  })

  it('verify=false takes a certificate whose issuer has no name at all', async () => {
    const tls = await selfSigned({ names: [INTAKE], subject: '' })
    const link = await IntakeLink.start(
      { tls },
      { tls: { ...VERIFIED, ca: undefined, verify: false } },
    )
    ;(await link.session()).destroy()
    const [success] = link.events.filter(({ kind }) => kind === 'tls-success')
    assert(success?.kind === 'tls-success')
    assert.equal(success.issuer, '')
    await link.close()
  })

  it('minVersion TLSv1.3 refuses an intake of TLS 1.2, which TLSv1.2 takes', async () => {
    const material = { ...(await issue()), maxVersion: 'TLSv1.2' } as const
    for (const [minVersion, kind] of [
      ['TLSv1.3', 'failed'],
      ['TLSv1.2', 'open'],
    ] as const) {
      const { caPem } = await anyAuthority()
      const link = await IntakeLink.start(
        { tls: material },
        { tls: { ...VERIFIED, minVersion, ca: caPem } },
      )
      const opened = await link.open()
      assert.equal(opened.kind, kind)
      if (opened.kind === 'open') opened.session.destroy()
      await link.close()
    }
  })

  it('what was offered before TLS is forgotten', async () => {
    const link = await IntakeLink.start({
      keywords: [],
      script: [{ on: 'EHLO', reply: '250-x\r\n250-SIZE 1\r\n250-SMTPUTF8\r\n250 STARTTLS' }],
    })
    const session = await link.session()
    const { outcome } = await session.send(outgoing())
    assert.equal(outcome.kind, 'delivered')
    assert.equal(link.server.messages[0]?.parameters, '')
    session.destroy()
    await link.close()
  })

  it('a refused second EHLO is a reply, for TLS stands', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'EHLO2', reply: '451 4.3.0 Later' }] })
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'reply')
    assert.equal(opened.failure.reply.code, 451)
    assert.deepEqual(link.kinds(), ['connected', 'tls-success', 'refused'])
    await link.close()
  })

  it('by type, plain text takes no MAIL and a session no plain socket', () => {
    const check = (session: typeof SmtpSession): void => {
      const socket = createConnection(1)
      const plain = Conversation.plain(socket, systemClock)
      // @ts-expect-error only EHLO and STARTTLS are lines of the plain phase
      void plain.exchange('MAIL', 'MAIL FROM:<>', 1)
      // @ts-expect-error a conversation in plain text is none that takes any line
      const any: Conversation<string> = plain
      // @ts-expect-error a Socket is no SecureSocket
      void session.open(socket, undefined, undefined)
      void any
    }
    assert.equal(typeof check, 'function')
  })
})

async function issue(options = {}): Promise<TlsMaterial> {
  return (await anyAuthority()).issue({ names: [INTAKE], ...options })
}

/** Looks at all that came outside TLS, whichever connection it was. */
function assertNothingInPlainText(link: IntakeLink): void {
  for (const { seen } of link.server.connections) {
    const plain = seen.plaintext.toString('latin1')
    assert(/^(EHLO gateway\.example\r\n(STARTTLS\r\n)?)?$/.test(plain), JSON.stringify(plain))
    assert(!plain.includes(CANARY))
    assert.equal(seen.messages.length, 0)
  }
}
