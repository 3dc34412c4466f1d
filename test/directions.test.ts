import assert from 'node:assert/strict'
import { mailDomains } from '../plugins/tdc/haraka/mail-domains'
import { type HarakaServer, logText } from './support/haraka'
import { mailAbout } from './support/mail-path'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'

/** Files are looked at every five seconds. */
const RELOADED = 20_000

describe("the domains in the server's own files", () => {
  type Files = Record<string, string>
  const of = (files: Files) => mailDomains((name) => files[name] ?? '')
  const RELAY: Files = {
    plugins: '# first\nrelay\n',
    'relay.ini': '[relay]\ndest_domains=true\n',
    'relay_dest_domains.ini': [
      '[domains]',
      'accepted.example = { "action": "accept" }',
      'goes.on.example={"action":"continue","nexthop":"127.0.0.1:2525"}',
      'denied.example = { "action": "deny" }',
      'broken.example = {',
      '[other]',
      'x.example = { "action": "accept" }',
    ].join('\n'),
  }
  const BOTH = ['accepted.example', 'goes.on.example']
  const relayed: [string, Files, string[]][] = [
    ['accepted or passed on by the relay plugin', {}, BOTH],
    ['the plugin under its whole name', { plugins: 'haraka-plugin-relay' }, BOTH],
    ['the plugin is not in use', { plugins: '#relay\nrelay2\n' }, []],
    ['dest_domains is off', { 'relay.ini': '[relay]\ndest_domains=false\n' }, []],
    ['dest_domains stands elsewhere', { 'relay.ini': 'dest_domains=true\n' }, []],
    ['there is no relay.ini', { 'relay.ini': '' }, []],
  ]
  for (const [what, files, domains] of relayed) {
    it(`relayed for: ${what}`, () => assert.deepEqual(of({ ...RELAY, ...files }).relayed, domains))
  }

  it('received: host_list and the sections of smtp_forward.ini', () => {
    const files = {
      host_list: 'a.example\r\n; no\n# no\n\n  B.example \n',
      'smtp_forward.ini': `[main]\nport=25\n[c.example]\nhost=x\n[tls]\n[d.example]\n`,
      host_list_regex: '.*\\.e\\.example\n',
    }
    assert.deepEqual(of(files), {
      received: ['a.example', 'B.example', 'c.example', 'd.example'],
      patterns: ['.*\\.e\\.example'],
      relayed: [],
    })
  })
})

/** One recipient of each kind of domain, the relay plugin's among them. */
const FROM_REGEX = 'ann@mx1.regex.example'
const FROM_FORWARD = 'bob@forward.example'
const FROM_LIST = 'cid@list.example'
const LATER = 'dan@later.example'
const RELAYED = 'eve@partner.example'
const UNKNOWN = 'flo@unknown.example'

/** Accepts what no file names, as a plugin that asks a directory does. */
const DIRECTORY = `
exports.hook_rcpt = (next, connection, [{ host }]) => next(host === 'unknown.example' ? OK : CONT)
exports.hook_reset_transaction = function (next, { transaction }) {
  this.lognotice('reset ' + transaction.uuid)
  next()
}`

describe('who is incoming, in a Haraka that also relays', function () {
  this.timeout(60_000)

  let stage: Stage
  let server: HarakaServer

  before(async () => {
    stage = await Stage.start({ 'scan.example': {} })
    const own = ['mx1.regex.example', 'forward.example', 'list.example', 'later.example']
    const relayed = [...own, 'partner.example'].map((name) => `${name} = { "action": "accept" }\n`)
    const { host, port } = stage.mailbox
    server = await stage.gateway({
      domains: [],
      plugins: ['directory', 'relay', 'rcpt_to.in_host_list', 'tdc', 'queue/smtp_forward'],
      scanners: { directory: DIRECTORY },
      tdc: `[main]
enabled=true
intake_address=journal@scan.example
[policy.DEFAULT]
intake=default
[delivery]
port=${stage.port}
`,
      config: {
        host_list: 'list.example\n',
        host_list_regex: '.*\\.regex\\.example\n',
        'relay.ini': '[relay]\nacl=false\ndest_domains=true\nforce_routing=false\n',
        'relay_dest_domains.ini': `[domains]\n${relayed.join('')}`,
        'smtp_forward.ini': `[main]\nhost=${host}\nport=${port}\nenable_outbound=true\n[forward.example]\nhost=${host}\nport=${port}\nenable_outbound=true\n`,
      },
    })
  })
  after(() => stage.close())

  const ROWS: [string, string[], string[]][] = [
    ['by host_list_regex', [FROM_REGEX], [FROM_REGEX]],
    ['by smtp_forward.ini', [FROM_FORWARD], [FROM_FORWARD]],
    ['by host_list', [FROM_LIST], [FROM_LIST]],
    ['relayed for', [RELAYED], []],
    ['known to nobody but a plugin', [UNKNOWN], [UNKNOWN]],
    [
      'all at once: none changes what another one gets',
      [RELAYED, FROM_REGEX, FROM_FORWARD, FROM_LIST, UNKNOWN],
      [FROM_REGEX, FROM_FORWARD, FROM_LIST, UNKNOWN],
    ],
  ]
  for (const [what, to, copied] of ROWS) {
    it(what, async () => assert.deepEqual(await copiedOf(what, to), copied))
  }

  it('is warned of at the start, as is a plugin whose rules cannot be seen', () => {
    const texts = server.log.map(logText)
    assert.ok(texts.some((t) => /later\.example, partner\.example is relayed, outgoing/.test(t)))
    assert.ok(texts.some((t) => /plugin directory hooks rcpt and may accept/.test(t)))
    assert.ok(!texts.some((t) => /plugin (relay|rcpt_to\.in_host_list|tdc) hooks rcpt/.test(t)))
  })

  it('a domain that comes into host_list while the server runs, for its own plugin too', async () => {
    assert.deepEqual(await copiedOf('before', [LATER]), [])
    server.writeConfig('host_list', 'list.example\nlater.example\n')
    await server.waitForLine(/mail for partner\.example is relayed, outgoing/, RELOADED)
    assert.deepEqual(await copiedOf('after', [LATER]), [LATER])
    await server.waitForLine(/Reloaded file: .*host_list$/, RELOADED)
  })

  /** The recipients that a copy names once the mailbox has the mail for all of them. */
  async function copiedOf(subject: string, to: readonly string[]): Promise<string[]> {
    const { code, lines } = await sendMail(server, mailAbout(subject, { to }))
    assert.equal(code, 250, lines.join())
    const uuid = /\(([0-9A-F-]+\.\d+)\)/.exec(lines.join())?.[1] ?? ''
    await server.waitForLine(`reset ${uuid}`)
    if (!server.log.some((line) => line.includes(`TDC: MID ${uuid}.tdc1 with`))) return []
    await server.waitForLine(`Message finished MID ${uuid}.tdc1 done`)
    const copy = stage
      .intake('scan.example')
      .messages.find(({ raw }) => raw.includes(`${uuid}.tdc`))
    const [own = ''] = (copy?.raw.toString('latin1') ?? '').split('Content-Type: message/rfc822', 1)
    return [...own.matchAll(/^Recipient: (.*)\r$/gm)].map(([, recipient = '']) => recipient)
  }
})
