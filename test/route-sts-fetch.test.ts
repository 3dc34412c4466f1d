import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isPublic } from '../plugins/tdc/route/public-address'
import { makeStsFetch } from '../plugins/tdc/route/sts-fetch'
import { type Authority, createAuthority, selfSigned } from './support/certificates'
import { FakeClock } from './support/fake-clock'

const DOMAIN = 'scan.example'
const HOST = `mta-sts.${DOMAIN}`
const TEXT = 'version: STSv1\nmode: none\nmax_age: 1\n'
const PLAIN = { 'content-type': 'text/plain' }
const DAY = 86_400_000

type Answer = (request: IncomingMessage, response: ServerResponse) => void

interface Row {
  readonly what: string
  readonly answer?: Answer
  readonly server?: (authority: Authority) => Promise<ServerOptions>
  /** `reason: text`, or undefined: the policy is fetched. */
  readonly failed?: string
}

const say =
  (status: number, headers: Record<string, string>, body = TEXT): Answer =>
  (_, response) =>
    void response.writeHead(status, headers).end(body)

const ROWS: readonly Row[] = [
  { what: 'a policy' },
  { what: 'with parameters', answer: say(200, { 'content-type': 'Text/Plain; charset=utf-8' }) },
  { what: '64 KB', answer: say(200, PLAIN, 'x'.repeat(65_536)) },
  {
    what: 'one octet more',
    answer: say(200, PLAIN, 'x'.repeat(65_537)),
    failed: 'sts-policy-fetch-error: the answer is too long',
  },
  {
    what: 'an answer without an end',
    answer: (_, response) => {
      const flood = (): void => {
        while (response.write('x'.repeat(16_384)));
      }
      response.writeHead(200, PLAIN).on('drain', flood)
      flood()
    },
    failed: 'sts-policy-fetch-error: the answer is too long',
  },
  ...[301, 302, 307, 308].map((status) => ({
    what: `a redirect (${status}), which is not followed`,
    answer: say(status, { ...PLAIN, location: `https://${HOST}/other` }),
    failed: `sts-policy-fetch-error: the answer was ${status}`,
  })),
  ...[204, 206, 404, 500].map((status) => ({
    what: `status ${status}`,
    answer: say(status, PLAIN, ''),
    failed: `sts-policy-fetch-error: the answer was ${status}`,
  })),
  ...['text/html', 'application/octet-stream', 'text/plainer', ''].map((type) => ({
    what: `media type ${type || 'none'}`,
    answer: say(200, type === '' ? {} : { 'content-type': type }),
    failed: 'sts-policy-fetch-error: the answer is not text/plain',
  })),
  {
    what: 'cut off at once',
    answer: (request) => void request.socket.destroy(),
    failed: 'sts-policy-fetch-error: ECONNRESET',
  },
  {
    what: 'cut off within',
    answer: (_, response) => {
      response.writeHead(200, { ...PLAIN, 'content-length': '100' })
      response.write('version', () => response.destroy())
    },
    failed: 'sts-policy-fetch-error: ECONNRESET',
  },
  {
    what: 'a certificate for the domain itself',
    server: (authority) => authority.issue({ names: [DOMAIN] }),
    failed: 'sts-webpki-invalid: ERR_TLS_CERT_ALTNAME_INVALID',
  },
  {
    what: 'a self-signed certificate',
    server: () => selfSigned({ names: [HOST] }),
    failed: 'sts-webpki-invalid: DEPTH_ZERO_SELF_SIGNED_CERT',
  },
  {
    what: 'a certificate of another authority',
    server: async () => (await createAuthority('Other')).issue({ names: [HOST] }),
    failed: 'sts-webpki-invalid: UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  {
    what: 'an expired certificate',
    server: (authority) => {
      const [notBefore, notAfter] = [new Date(Date.now() - 2 * DAY), new Date(Date.now() - DAY)]
      return authority.issue({ names: [HOST], notBefore, notAfter })
    },
    failed: 'sts-webpki-invalid: CERT_HAS_EXPIRED',
  },
  {
    what: 'a wildcard certificate',
    server: (authority) => authority.issue({ names: [`*.${DOMAIN}`] }),
  },
  {
    what: 'TLS 1.1 at most',
    server: async (authority) => ({
      ...(await authority.issue({ names: [HOST] })),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
    failed: 'sts-policy-fetch-error: EPROTO',
  },
]

describe('MTA-STS: fetching the policy (RFC 8461 section 3.3)', () => {
  let authority: Authority
  const clock = new FakeClock()
  const asked: string[] = []
  let connections = 0
  let server: Server

  before(async () => (authority = await createAuthority()))
  beforeEach(() => {
    asked.splice(0)
    connections = 0
  })
  afterEach(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })

  async function fetching(row: Partial<Row>, mayConnect = (_address: string) => true) {
    const { answer = say(200, PLAIN) } = row
    const tls = await (row.server?.(authority) ?? authority.issue({ names: [HOST] }))
    server = createServer(tls, (request, response) => {
      asked.push(`${request.method} ${request.headers.host} ${request.url}`)
      answer(request, response)
    })
    server.on('tlsClientError', () => undefined)
    server.on('connection', () => connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const lookup: LookupFunction = (name, options, done) => {
      asked.push(`look up ${name}`)
      if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
      else done(null, '127.0.0.1', 4)
    }
    return makeStsFetch(clock, mayConnect, { port, ca: authority.caPem, lookup })(DOMAIN)
  }

  for (const row of ROWS) {
    it(`${row.what}: ${row.failed ? 'none' : 'fetched'}`, async () => {
      const fetched = await fetching(row)
      if (row.failed === undefined) assert.equal(fetched.kind, 'fetched', JSON.stringify(fetched))
      else {
        assert(fetched.kind === 'failed')
        assert.equal(`${fetched.reason}: ${fetched.text}`, row.failed)
      }
      const [lookup, ...requests] = asked
      assert.equal(lookup, `look up ${HOST}`)
      assert(requests.length <= 1, 'asked once, whatever the answer')
      assert.equal(clock.pending, 0, 'no timer is left')
    })
  }

  it('asks the well-known place of the policy host', async () => {
    assert.deepEqual(await fetching({}), { kind: 'fetched', text: TEXT })
    const { port } = server.address() as AddressInfo
    assert.deepEqual(asked, [`look up ${HOST}`, `GET ${HOST}:${port} /.well-known/mta-sts.txt`])
  })

  it('does not connect to an address that is not public', async () => {
    const fetched = await fetching({}, (address) => isPublic(address, []))
    const text = 'no address is public (allow_private=false)'
    assert.deepEqual(fetched, { kind: 'failed', reason: 'sts-policy-fetch-error', text })
    assert.deepEqual([asked, connections], [[`look up ${HOST}`], 0])
  })

  it('leaves out the addresses that are not public', async () => {
    const tried: string[] = []
    const lookup: LookupFunction = (_name, options, done) => {
      assert(options.all)
      done(
        null,
        ['10.1.2.3', '127.0.0.1'].map((address) => ({ address, family: 4 })),
      )
    }
    await fetching({})
    const { port } = server.address() as AddressInfo
    const mayConnect = (address: string) => {
      tried.push(address)
      return address === '127.0.0.1'
    }
    const place = { port, ca: authority.caPem, lookup }
    const fetched = await makeStsFetch(clock, mayConnect, place)(DOMAIN)
    assert.deepEqual([fetched.kind, tried], ['fetched', ['10.1.2.3', '127.0.0.1']])
    assert.equal(connections, 2)
  })

  it('gives up after a minute, also within the answer', async () => {
    for (const begin of [false, true]) {
      let come: () => void = () => undefined
      const begun = new Promise<void>((resolve) => (come = resolve))
      const answer: Answer = (_, response) => {
        if (begin) response.writeHead(200, PLAIN).write('version: ', () => come())
        else come()
      }
      const fetched = fetching({ answer })
      await begun
      await clock.advance(60_000)
      const expected = { kind: 'failed', reason: 'sts-policy-fetch-error', text: 'timed out' }
      assert.deepEqual(await fetched, expected)
      if (!begin) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    }
  })

  it('says when the host has no address', async () => {
    await fetching({})
    const { port } = server.address() as AddressInfo
    const lookup: LookupFunction = (_name, _options, done) =>
      done(Object.assign(new Error('raw'), { code: 'ENOTFOUND' }), '')
    const fetched = await makeStsFetch(clock, () => true, { port, lookup })(DOMAIN)
    const text = 'ENOTFOUND'
    assert.deepEqual(fetched, { kind: 'failed', reason: 'sts-policy-fetch-error', text })
  })
})
