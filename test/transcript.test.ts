import assert from 'node:assert/strict'
import { createAuthority } from './support/certificates'
import type { HarakaServer } from './support/haraka'
import { policiesFor } from './support/named-intakes'
import { sendMail } from './support/smtp-client'
import { type Site, Stage } from './support/stage'

/** Seconds, as in tdc.ini: long enough for two connection timeouts and the delay between them. */
const MAX_AGE = 5

const SERVICE = 'Cisco Secure Email Threat Defense'
const CIPHER = 'TLS_AES_256_GCM_SHA384'
const SENDER = 'ann@sender.example'

interface Story {
  readonly title: string
  /** The intake; undefined: its domain does not exist. `stranger` has another authority's certificate. */
  readonly site: Site | 'stranger' | undefined
  /** Every line about the copy: the connector's text, after Haraka's prefix. */
  readonly lines: readonly string[]
}

/** The beginning of every transcript. */
const enqueued = (name: string) =>
  `TDC: MID <mid> with Message-ID '<${name}@sender.example>' enqueued for forwarding to ${SERVICE} ` +
  `to the message intake address journal@${name}.example`

const connected = (ip: string, dcid = 1) => [
  `TDC: New SMTP DCID <dcid ${dcid}> interface <local> address ${ip} port <port>`,
  `DCID <dcid ${dcid}> TLS success protocol TLSv1.3 cipher ${CIPHER}`,
  `TDC: Delivery start DCID <dcid ${dcid}> MID <mid>`,
]

const DELIVERED = [
  `TDC: MID <mid> successfully delivered for scanning with ${SERVICE}.`,
  'Message finished MID <mid> done',
  `TDC: Message <mid> was successfully delivered for scanning with ${SERVICE}.`,
]

const UNKNOWN_ISSUER =
  'certificate-not-trusted: the issuer is not known (UNABLE_TO_VERIFY_LEAF_SIGNATURE)'

const tlsError = (dcid: string, why: string) => [
  `TDC: MID <mid> TLS failed: DCID ${dcid} - 5.7.0 - TLS Error ('000', ['${why}'])`,
  `TDC: MID <mid> delivery failed to ${SERVICE}:TLS Error.`,
  `TDC: Message <mid> delivery failed to ${SERVICE}: TLS Error.`,
]

const bounced = (dcid: string, response: string) => [
  `TDC: Hard bounced - ${response}`,
  `TDC: MID <mid> delivery failed to ${SERVICE}: Hard Bounced.`,
  `Bounced: DCID ${dcid} MID <mid> to RID 0 - Bounced by destination server with response: ${response}`,
  `TDC: Message <mid> delivery failed to ${SERVICE}: Hard Bounced.`,
]

const deferred = (dcid: number, response: string) =>
  `TDC: MID <mid> delivery to ${SERVICE} deferred: DCID <dcid ${dcid}> - ${response}, ` +
  'retry 1 of 1 in 1 seconds'

const expired = (dcid: string, detail: string) => [
  `TDC: MID <mid> expired after ${MAX_AGE} seconds in the queue: DCID ${dcid} - ` +
    `5.4.7 - Delivery expired (message too old) ('000', ['${detail}'])`,
  `TDC: MID <mid> delivery failed to ${SERVICE}: Expired.`,
  `TDC: Message <mid> delivery failed to ${SERVICE}: Expired.`,
]

const timedOut = (ip: string, dcid: number) =>
  `TDC: Connection Error: DCID <dcid ${dcid}> domain: the.tdc.queue IP: ${ip} port: <port> ` +
  'details: timeout interface: <local> reason: connection timed out'

/** By the name in the intake's domain, `delivered.example`; addresses are given in this order. */
const STORIES: Readonly<Record<string, Story>> = {
  delivered: {
    title: 'delivered',
    site: {},
    lines: [enqueued('delivered'), ...connected('127.0.0.2'), ...DELIVERED],
  },
  untrusted: {
    title: 'TLS error: a certificate of an unknown authority',
    site: 'stranger',
    lines: [
      enqueued('untrusted'),
      `TDC: New SMTP DCID <dcid 1> interface <local> address 127.0.0.3 port <port>`,
      `TDC: DCID <dcid 1> TLS failed with mx.untrusted.example address 127.0.0.3: ` +
        UNKNOWN_ISSUER,
      ...tlsError('<dcid 1>', UNKNOWN_ISSUER),
    ],
  },
  plain: {
    title: 'TLS error: no STARTTLS',
    site: { starttls: false },
    lines: [
      enqueued('plain'),
      `TDC: New SMTP DCID <dcid 1> interface <local> address 127.0.0.4 port <port>`,
      `TDC: DCID <dcid 1> TLS failed with mx.plain.example address 127.0.0.4: ` +
        'starttls-not-supported: STARTTLS is not offered',
      ...tlsError('<dcid 1>', 'starttls-not-supported: STARTTLS is not offered'),
    ],
  },
  silent: {
    title: 'connection timeout: no greeting',
    site: { script: [{ on: 'CONNECT', then: 'stall' }] },
    lines: [
      enqueued('silent'),
      `TDC: New SMTP DCID <dcid 1> interface <local> address 127.0.0.5 port <port>`,
      timedOut('127.0.0.5', 1),
      deferred(1, "4.4.1 - No answer from host ('000', ['connection timed out'])"),
      `TDC: New SMTP DCID <dcid 2> interface <local> address 127.0.0.5 port <port>`,
      timedOut('127.0.0.5', 2),
      ...bounced('<dcid 2>', "5.4.1 - No answer from host ('000', ['connection timed out'])"),
    ],
  },
  refused: {
    title: '5xx',
    site: { script: [{ on: 'RCPT', reply: '550 5.1.1 No such intake' }] },
    lines: [
      enqueued('refused'),
      ...connected('127.0.0.6'),
      ...bounced('<dcid 1>', "5.1.0 - Unknown address error ('550', ['5.1.1 No such intake'])"),
    ],
  },
  later: {
    title: '4xx, then delivered',
    site: {
      script: (connection) =>
        connection === 1 ? [{ on: 'BODY', reply: '451 4.3.0 Try again later' }] : [],
    },
    lines: [
      enqueued('later'),
      ...connected('127.0.0.7'),
      deferred(1, "4.3.0 - Other mail system problem ('451', ['4.3.0 Try again later'])"),
      ...connected('127.0.0.7', 2),
      ...DELIVERED,
    ],
  },
  busy: {
    title: '4xx twice',
    site: { script: [{ on: 'MAIL', reply: '452 4.3.1 Insufficient storage' }] },
    lines: [
      enqueued('busy'),
      ...connected('127.0.0.8'),
      deferred(1, "4.3.0 - Other mail system problem ('452', ['4.3.1 Insufficient storage'])"),
      ...connected('127.0.0.8', 2),
      ...bounced(
        '<dcid 2>',
        "5.3.0 - Other mail system problem ('452', ['4.3.1 Insufficient storage'])",
      ),
    ],
  },
  slow: {
    title: 'expired at the first attempt',
    site: { script: [{ on: 'BODY', then: 'stall' }] },
    lines: [enqueued('slow'), ...connected('127.0.0.9'), ...expired('<dcid 1>', 'timeout')],
  },
  slower: {
    title: 'expired at the second attempt',
    site: {
      script: (connection) => [
        connection === 1
          ? { on: 'BODY', reply: '451 4.3.0 Try again later' }
          : { on: 'DATA', then: 'stall' },
      ],
    },
    lines: [
      enqueued('slower'),
      ...connected('127.0.0.10'),
      deferred(1, "4.3.0 - Other mail system problem ('451', ['4.3.0 Try again later'])"),
      ...connected('127.0.0.10', 2),
      ...expired('<dcid 2>', '4.3.0 Try again later'),
    ],
  },
  hole: {
    title: 'connection timeout: no answer to SYN',
    site: 'black-hole',
    lines: [
      enqueued('hole'),
      timedOut('127.0.0.11', 1),
      deferred(1, "4.4.1 - No answer from host ('000', ['connection timed out'])"),
      timedOut('127.0.0.11', 2),
      ...bounced('<dcid 2>', "5.4.1 - No answer from host ('000', ['connection timed out'])"),
    ],
  },
  nowhere: {
    title: 'NXDOMAIN',
    site: undefined,
    lines: [
      enqueued('nowhere'),
      'DNS Error nowhere.example MX - NXDomain',
      ...bounced(
        '0',
        "5.1.2 - Bad destination host ('000', ['DNS Hard Error looking up nowhere.example (MX) : NXDomain'])",
      ),
    ],
  },
}

/** What an attacker would like to put into a log: colours, a line of its own, text turned around. */
const EVIL = '\u001b[31m\rTDC: forged \u202eold\u2028\u0085'

/** 10 kB of it: in a header, which is folded, and in a reply, which has several lines. */
const EVIL_LINES = Array<string>(11).fill(EVIL.padEnd(950, 'x'))
const EVIL_ID = `<${EVIL_LINES.join('\r\n ')}@sender.example>`
const EVIL_REPLY = [...EVIL_LINES.map((line) => `550-${line}`), '550 5.7.1 No', ''].join('\r\n')

const JSON_LOG = '[main]\nlevel=info\ntimestamps=false\nformat=json\n'

describe('the whole log of a copy', function () {
  this.timeout(60_000)

  let stage: Stage
  let server: HarakaServer
  let json: HarakaServer

  before(async () => {
    const names = [...Object.keys(STORIES), 'evil']
    stage = await Stage.start(await sites())
    const options = {
      domains: ['nobody.test', ...names.map((name) => `${name}.test`)],
      tdc: settings(names, stage.port),
    }
    ;[server, json] = await Promise.all([
      stage.gateway(options),
      stage.gateway({ ...options, config: { 'log.ini': JSON_LOG } }),
    ])
    for (const name of Object.keys(STORIES)) await send(server, name, `<${name}@sender.example>`)
  })
  after(() => stage.close())

  for (const [name, { title, site, lines }] of Object.entries(STORIES)) {
    it(title, async function () {
      if (site === 'black-hole' && !stage.swallows(`${name}.example`)) {
        console.log('      this system takes connections beyond the backlog: none runs out of time')
        this.skip()
      }
      assert.deepEqual(withPlaceholders(await transcript(server, stage, name)), lines)
    })
  }

  describe('with values that would forge it', () => {
    it('makes Message-ID and reply safe, and cuts them at 256', async () => {
      await send(server, 'evil', EVIL_ID)
      const lines = withPlaceholders(await transcript(server, stage, 'evil'))
      // Haraka itself makes three characters of the CR in a header. What is unsafe had more octets of the
      // 256 than the blanks in its place.
      const id = '< [31m   TDC: forged  old  '.padEnd(251, 'x')
      const reply = '5.7.1  [31m TDC: forged  old  '.padEnd(256, 'x')
      assert.deepEqual(lines, [
        enqueued('evil').replace('<evil@sender.example>', id),
        ...connected('127.0.0.12'),
        ...bounced('<dcid 1>', `5.3.0 - Other mail system problem ('550', ['${reply}'])`),
      ])
    })

    it('makes the sender safe', async () => {
      const from = 'a\u202eb@sender.example'
      const raw = Buffer.from('Subject: x\r\n\r\n')
      await sendMail(server, { from, to: ['bob@nobody.test'], raw, parameters: ['SMTPUTF8'] })
      const [, uuid, text] = LINE.exec(await server.waitForLine(/ not copied /)) ?? []
      assert.equal(
        text,
        `TDC: Message ${uuid} from <a b@sender.example> not copied for 1 recipient: ` +
          'policy DEFAULT says no',
      )
    })
  })

  it('is JSON when Haraka logs so, with the MID as uuid', async () => {
    for (const name of ['delivered', 'evil']) await send(json, name, EVIL_ID)
    await json.waitForLine(/ was successfully delivered /)
    await json.waitForLine(/TDC: Message .*: Hard Bounced\./)
    const records = json.log.flatMap((line) => {
      if (!line.includes('"origin":"tdc"')) return []
      return [JSON.parse(line) as { level: string; uuid: string; message: string }]
    })
    const own = records.filter(({ message }) => / (MID|Message) \S+\.tdc1 /.test(message))
    assert.ok(own.length >= 8)
    for (const { level, uuid, message } of own) {
      assert.equal(level, 'INFO')
      assert.equal(uuid, / (?:MID|Message) (\S+\.tdc1) /.exec(message)?.[1])
      assert.match(message, /^[\x20-\x7e]+$/)
    }
  })
})

async function sites(): Promise<Record<string, Site>> {
  const stranger = await createAuthority('Stranger')
  const found: Record<string, Site> = {}
  for (const [name, { site }] of Object.entries(STORIES)) {
    const names = [`mx.${name}.example`]
    if (site === 'stranger') found[`${name}.example`] = { tls: await stranger.issue({ names }) }
    else if (site !== undefined) found[`${name}.example`] = site
  }
  const raw = Buffer.from(EVIL_REPLY, 'utf8').toString('latin1')
  return { ...found, 'evil.example': { script: [{ on: 'BODY', raw }] } }
}

function settings(names: readonly string[], port: number): string {
  return `${policiesFor(names)}
[main]
enabled=true
[delivery]
port=${port}
min_connections=1
idle_timeout=0
retry_delay=1
max_age=${MAX_AGE}
[timeouts]
connect=1
greeting=1
`
}

async function send(server: HarakaServer, name: string, messageId: string): Promise<void> {
  const raw = Buffer.from(`Message-ID: ${messageId}\r\nSubject: ${name}\r\n\r\nhello\r\n`)
  const reply = await sendMail(server, { from: SENDER, to: [`bob@${name}.test`], raw })
  assert.equal(reply.code, 250)
}

/** A line of the connector: the uuid in Haraka's prefix, and the text behind it. */
const LINE = /^\[[A-Z]+\] \[([^\]]*)\] \[tdc\] (.*)$/

interface Transcript {
  readonly mid: string
  readonly lines: readonly string[]
}

/** Everything that was logged about the one copy that went to `name.example`, once it has ended. */
async function transcript(server: HarakaServer, stage: Stage, name: string): Promise<Transcript> {
  const first = await server.waitForLine(`message intake address journal@${name}.example`)
  const mid = LINE.exec(first)?.[1] ?? ''
  await server.waitForLine(`] TDC: Message ${mid} `, 15_000)
  const all = server.log.flatMap((line) => {
    const [, uuid = '', text] = LINE.exec(line) ?? []
    return text === undefined ? [] : [{ uuid, text }]
  })
  // Lines about a connection name no message: they belong to it by their DCID.
  const address = stage.address(`${name}.example`)
  const here = (text: string) => /\b(?:address|IP:) (\S+)/.exec(text)?.[1] === address
  const dcids = dcidsOf(all.map(({ text }) => text).filter((text) => address && here(text)))
  const belongs = (text: string) =>
    text.startsWith(`DNS Error ${name}.example `) || dcidsOf([text]).some((d) => dcids.includes(d))
  const lines = all.filter(({ uuid, text }) => uuid === mid || belongs(text))
  return { mid, lines: lines.map(({ text }) => text) }
}

/** Without the 0 of a copy that met no connection. */
function dcidsOf(lines: readonly string[]): string[] {
  const found = lines.flatMap((line) => [...line.matchAll(/\bDCID ([1-9]\d*)/g)])
  return [...new Set(found.map(([, dcid = '']) => dcid))]
}

/** DCIDs are numbered in the order in which they appear. */
function withPlaceholders({ mid, lines }: Transcript): string[] {
  const dcids = dcidsOf(lines)
  return lines.map((line) =>
    line
      .replaceAll(mid, '<mid>')
      .replace(/\bDCID ([1-9]\d*)/, (_, dcid: string) => `DCID <dcid ${dcids.indexOf(dcid) + 1}>`)
      .replace(/\b(port:?) \d+/, '$1 <port>')
      .replace(/\b(interface:?) [\d.]+/, '$1 <local>'),
  )
}
