import assert from 'node:assert/strict'
import type { TlsResult } from '../plugins/tdc/monitor/tls-counters'
import { type Authority, createAuthority, selfSigned, WEAK_CIPHERS } from './support/certificates'
import { clientSide } from './support/client-side'
import type { HarakaServer } from './support/haraka'
import { policiesFor } from './support/named-intakes'
import { run } from './support/run'
import { sendMail } from './support/smtp-client'
import { type Site, Stage } from './support/stage'
import { WireTap } from './support/wire-tap'

/** Stands in every part of a mail that its copy repeats. */
const CANARY = 'canary-7f3a91'

const DAY = 86_400_000

interface Attack {
  /** `trusted`: the authority that the gateway knows. */
  readonly site: (host: string, trusted: Authority) => Site | Promise<Site>
  /** The result type in the log; undefined: the intake's own answer, which is none of TLS. */
  readonly result: TlsResult | undefined
}

const STARTTLS = 'starttls-not-supported'
const BROKEN = 'validation-failure'
const UNTRUSTED = 'certificate-not-trusted'

const at = (on: 'EHLO' | 'STARTTLS' | 'HANDSHAKE', fault: object) => () => ({
  script: [{ on, ...fault }],
})

/** By the name in the intake's domain, `stripped.example`; each has an address of its own. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  injected: { site: at('STARTTLS', { extra: '250-SIZE 1\r\n' }), result: BROKEN },
  fragment: { site: at('STARTTLS', { extra: '250 no line' }), result: BROKEN },
  pipelined: { site: at('STARTTLS', { extra: '250 Ok\r\n250 Ok\r\n354 Go\r\n' }), result: BROKEN },
  stripped: { site: () => ({ starttls: false }), result: STARTTLS },
  masked: { site: () => ({ starttls: false, keywords: ['XXXXXXXA', 'SIZE 1'] }), result: STARTTLS },
  later: { site: at('STARTTLS', { reply: '454 4.7.0 TLS not available' }), result: STARTTLS },
  unknown: { site: at('STARTTLS', { reply: '502 5.5.1 Unknown' }), result: STARTTLS },
  denied: { site: at('STARTTLS', { reply: '554 5.7.3 No' }), result: STARTTLS },
  positive: { site: at('STARTTLS', { reply: '250 2.0.0 Go on in clear' }), result: STARTTLS },
  helo: { site: at('EHLO', { reply: '502 5.5.1 Say HELO' }), result: STARTTLS },
  closed: { site: at('EHLO', { reply: '550 5.7.1 Go away' }), result: undefined },
  cut: { site: at('HANDSHAKE', { then: 'drop' }), result: BROKEN },
  reset: { site: at('HANDSHAKE', { then: 'reset' }), result: BROKEN },
  plain: { site: at('HANDSHAKE', { reply: '250 2.0.0 MAIL now' }), result: BROKEN },
  garbage: {
    site: at('HANDSHAKE', { raw: '\x16\x03\x03\x00\x04\x02\x00\x00\x00' }),
    result: BROKEN,
  },
  old: {
    site: async (host, trusted) => {
      const tls = await trusted.issue({ names: [host] })
      return { tls: { ...tls, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } }
    },
    result: BROKEN,
  },
  // Any of the old ciphers would do for such an intake: what is too weak is its key, or its signature.
  shortkey: {
    site: async (host, trusted) => {
      const tls = await trusted.issue({ names: [host], rsa: 1024 })
      return { tls: { ...tls, ciphers: WEAK_CIPHERS } }
    },
    result: UNTRUSTED,
  },
  oldhash: {
    site: async (host, trusted) => {
      const tls = await trusted.issue({ names: [host], hash: 'SHA-1' })
      return { tls: { ...tls, ciphers: WEAK_CIPHERS } }
    },
    result: UNTRUSTED,
  },
  anonymous: {
    site: async (host, trusted) => {
      const tls = await trusted.issue({ names: [host] })
      return { tls: { ...tls, maxVersion: 'TLSv1.2', ciphers: 'aNULL:@SECLEVEL=0' } }
    },
    result: BROKEN,
  },
  selfsigned: {
    site: async (host) => ({ tls: await selfSigned({ names: [host] }) }),
    result: UNTRUSTED,
  },
  stranger: {
    site: async (host) => ({
      tls: await (await createAuthority('Other')).issue({ names: [host] }),
    }),
    result: UNTRUSTED,
  },
  othername: {
    site: async (_, trusted) => ({ tls: await trusted.issue({ names: ['mx.evil.example'] }) }),
    result: 'certificate-host-mismatch',
  },
  expired: {
    site: async (host, trusted) => {
      const [notBefore, notAfter] = [new Date(Date.now() - 2 * DAY), new Date(Date.now() - DAY)]
      return { tls: await trusted.issue({ names: [host], notBefore, notAfter }) }
    },
    result: 'certificate-expired',
  },
}

const HONEST = 'honest'
const NAMES = [...Object.keys(ATTACKS), HONEST]

/** What in a process's environment lowers the defaults of TLS in Node. */
const WEAK = {
  NODE_TLS_REJECT_UNAUTHORIZED: '0',
  NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=ALL:aNULL:@SECLEVEL=0',
}

for (const [what, env] of [
  ['', {}],
  [' in an environment that lowers the defaults', WEAK],
] as const) {
  describe(`an intake, or somebody on the way to it, that attacks TLS${what}`, function () {
    this.timeout(60_000)

    let stage: Stage
    let tap: WireTap
    let server: HarakaServer

    before(async () => {
      const trusted = await createAuthority()
      stage = await Stage.start(await sites(trusted), trusted)
      const addresses = NAMES.map((name) => addressOf(stage, name))
      tap = await WireTap.start(addresses, stage.port)
      const domains = NAMES.map((name) => `${name}.test`)
      server = await stage.gateway({ domains, tdc: settings(tap.port), env })
      for (const name of NAMES) {
        const raw = Buffer.from(
          `Message-ID: <${CANARY}@x>\r\nSubject: ${CANARY}\r\n\r\n${CANARY}\r\n`,
        )
        const mail = { from: `${CANARY}@sender.example`, to: [`bob@${name}.test`], raw }
        assert.equal((await sendMail(server, mail)).code, 250)
      }
    })
    after(async () => {
      await tap.close()
      await stage.close()
    })

    for (const [name, { result }] of Object.entries(ATTACKS)) {
      const end = result ? 'TLS Error.' : 'Hard Bounced.'
      it(`${name}: one ${end} No retry, nothing in clear`, async () => {
        const lines = await transcript(server, name)
        const ends = lines.filter((line) => /\] TDC: Message \S+ /.test(line))
        assert.equal(ends.length, 1, lines.join('\n'))
        assert(ends[0]?.endsWith(`: ${end}`), ends[0])
        assert(!lines.some((line) => line.includes(' deferred: ')), lines.join('\n'))
        assert.deepEqual(resultsOf(server, `mx.${name}.example`), result ? [result] : [])

        const wires = tap.to(addressOf(stage, name))
        assert.equal(wires.length, 1, 'one connection')
        assertNothingInClear(wires[0]?.octets ?? Buffer.alloc(0))
        assert.equal(stage.intake(`${name}.example`).messages.length, 0)
      })
    }

    it('an honest intake has its copy, and that too was in TLS alone (control)', async () => {
      await server.waitForLine(/ was successfully delivered /)
      const [wire] = tap.to(addressOf(stage, HONEST))
      const octets = wire?.octets ?? Buffer.alloc(0)
      assertNothingInClear(octets)
      assert(octets.length > 2_000, 'the tap saw the copy go by')
      const [message] = stage.intake(`${HONEST}.example`).messages
      assert(message?.raw.includes(CANARY))
    })
  })
}

describe('the environment that lowers the defaults (control)', () => {
  it('does lower them for a Node that relies on them', async () => {
    const script = '`${tls.DEFAULT_MIN_VERSION} ${tls.DEFAULT_CIPHERS}`'
    const said = await run(process.execPath, ['-p', script], { env: { ...process.env, ...WEAK } })
    assert.equal(said.trim(), 'TLSv1 ALL:aNULL:@SECLEVEL=0')
  })
})

describe('the look at the wire (control)', () => {
  const table: readonly (readonly [what: string, wire: string])[] = [
    ['MAIL in clear', 'EHLO x\r\nMAIL FROM:<>\r\n'],
    ['MAIL behind STARTTLS', 'EHLO x\r\nSTARTTLS\r\nMAIL FROM:<>\r\n'],
    ['HELO', 'HELO x\r\n'],
    ['clear text behind a record', 'EHLO x\r\nSTARTTLS\r\n\x17\x03\x03\x00\x01xDATA\r\n'],
    ['a message in a record that is none', `EHLO x\r\nSTARTTLS\r\n\x17\x03\x03\x00\x0d${CANARY}`],
  ]
  for (const [what, wire] of table) {
    it(`finds ${what}`, () =>
      assert.throws(() => assertNothingInClear(Buffer.from(wire, 'latin1'))))
  }
})

/** Octets as a tap saw them: EHLO, STARTTLS, TLS records, and in those nothing that can be read. */
function assertNothingInClear(octets: Buffer): void {
  clientSide(octets)
  const text = octets.toString('latin1')
  for (const word of ['MAIL FROM', 'RCPT TO', 'DATA\r\n', 'BDAT ', 'journal@', CANARY]) {
    assert(!text.includes(word), `${word} on the wire`)
  }
}

async function sites(trusted: Authority): Promise<Record<string, Site>> {
  const found: Record<string, Site> = {}
  for (const [name, { site }] of Object.entries(ATTACKS)) {
    found[`${name}.example`] = await site(`mx.${name}.example`, trusted)
  }
  return { ...found, [`${HONEST}.example`]: {} }
}

function addressOf(stage: Stage, name: string): string {
  return stage.address(`${name}.example`) ?? ''
}

/** The result types in the log for one host. */
function resultsOf(server: HarakaServer, host: string): string[] {
  return server.log.flatMap((line) => {
    const [, failed, result] = / TLS failed with (\S+) address \S+: ([a-z-]+): /.exec(line) ?? []
    return failed === host && result !== undefined ? [result] : []
  })
}

function settings(port: number): string {
  return `${policiesFor(NAMES)}
[main]
enabled=true
[delivery]
port=${port}
min_connections=1
idle_timeout=0
retry_delay=1
`
}

/** Every line about the copy for one intake, once it has ended. */
async function transcript(server: HarakaServer, name: string): Promise<string[]> {
  const first = await server.waitForLine(`message intake address journal@${name}.example`)
  const mid = /MID (\S+) /.exec(first)?.[1] ?? ''
  await server.waitForLine(`] TDC: Message ${mid} `, 15_000)
  return server.log.filter((line) => line.includes(mid))
}
