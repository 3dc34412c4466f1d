import assert from 'node:assert/strict'
import { addressFacts, factsOfPath } from '../plugins/tdc/haraka/address-facts'
import { GivenRecipients } from '../plugins/tdc/haraka/given-recipients'
import { mayRelay } from '../plugins/tdc/haraka/relay-client'
import type { HarakaAddress } from '../plugins/tdc/haraka/types'
import { Dice } from './support/dice'
import type { HarakaServer } from './support/haraka'
import { mailAbout } from './support/mail-path'
import { SmtpClient } from './support/smtp-client'
import { Stage } from './support/stage'

interface MutableAddress extends HarakaAddress {
  user: string
  host: string
}

/* eslint-disable @typescript-eslint/no-require-imports */
const { Address } = require('@haraka/email-address') as {
  Address: new (path: string) => MutableAddress
}
const relayPlugin = require('haraka-plugin-relay') as object
/* eslint-enable @typescript-eslint/no-require-imports */

describe('recipients, given and rewritten', () => {
  /** What plugins do between two RCPT commands, to the list as core keeps it. */
  class Envelope {
    readonly list: MutableAddress[] = []
    readonly given = new GivenRecipients()

    rcpt(address: string, plugins: (list: MutableAddress[]) => void = () => {}): this {
      this.list.push(new Address(`<${address}>`))
      this.given.note(this.list)
      plugins(this.list)
      return this
    }

    told(): string[] {
      return this.given
        .facts(this.list)
        .map(({ address, given = [] }) =>
          given.length === 0 ? address : `${address} (${given.map((each) => each.address).join()})`,
        )
    }
  }

  const alias =
    (...to: string[]) =>
    (list: MutableAddress[]): void => {
      list.pop()
      list.push(...to.map((each) => new Address(`<${each}>`)))
    }
  const refuse = (list: MutableAddress[]): void => void list.pop()

  const rows: [what: string, envelope: Envelope, told: string[]][] = [
    ['stay as they are', new Envelope().rcpt('a@x').rcpt('b@x'), ['a@x', 'b@x']],
    ['by an alias', new Envelope().rcpt('a@x', alias('n@y')).rcpt('b@x'), ['n@y (a@x)', 'b@x']],
    [
      'by an alias for two',
      new Envelope().rcpt('b@x').rcpt('a@x', alias('n@y', 'm@y')),
      ['b@x', 'n@y (a@x)', 'm@y (a@x)'],
    ],
    ['by one to itself', new Envelope().rcpt('a@x', alias('A@x')), ['A@x']],
    [
      'by one to itself and another',
      new Envelope().rcpt('a@x', alias('a@x', 'b@x')),
      ['a@x', 'b@x (a@x)'],
    ],
    ['after one that was refused', new Envelope().rcpt('a@x', refuse).rcpt('b@x'), ['b@x']],
    [
      'by an alias for two that was refused: core takes away only the last',
      new Envelope().rcpt('a@x', (list) => (alias('n@y', 'm@y')(list), refuse(list))).rcpt('b@x'),
      ['n@y (a@x)', 'b@x'],
    ],
    [
      'in place',
      new Envelope().rcpt('a@x', ([first]) => void (first!.user = 'n')).rcpt('b@x'),
      ['n@x (a@x)', 'b@x'],
    ],
    [
      'in place, and before we saw it',
      (() => {
        const envelope = new Envelope()
        envelope.list.push(Object.assign(new Address('<@r.x:a@x>'), { user: 'n' }))
        envelope.given.note(envelope.list)
        return envelope
      })(),
      ['n@x (a@x)'],
    ],
    ['with a source route', new Envelope().rcpt('@r.x,@s.x:a@x'), ['a@x']],
    [
      'after all were given: from whichever is gone',
      new Envelope()
        .rcpt('a@x')
        .rcpt('b@x')
        .rcpt('c@x', (list) => void list.splice(0, 2, new Address('<n@y>'))),
      ['n@y (a@x,b@x)', 'c@x'],
    ],
    [
      'after all were given, by the same',
      new Envelope()
        .rcpt('a@x', (list) => void list.splice(0, 1, new Address('<a@x>')))
        .rcpt('b@x'),
      ['a@x', 'b@x'],
    ],
    ['without one', new Envelope(), []],
  ]
  for (const [what, envelope, told] of rows) {
    it(what, () => assert.deepEqual(envelope.told(), told))
  }

  it('what other plugins put in the place of an address is read as well as it can be', () => {
    const odd = [
      'bob@x.example',
      { address: 'bob@x.example' },
      { original: '<bob@x.example>' },
      { user: 'x', host: 7, toString: () => '<bob@x.example>' },
    ] as unknown as HarakaAddress[]
    const given = new GivenRecipients()
    assert.deepEqual(
      given.facts(odd).map(({ key }) => key),
      odd.map(() => 'bob@x.example'),
    )
    assert.equal(addressFacts(null as unknown as HarakaAddress).domain, '')
  })

  it('a path means to us what it means to Haraka, whatever its parser takes (fuzz)', () => {
    const dice = Dice.thrown('paths')
    const locals = ['a', '"a b"', '"@"', 'A+b', 'jos\u00e9', '"x>y"', '"a\\"b"', 'a%b', '"<a>"']
    const hosts = [
      'X.example',
      'b\u00fccher.example',
      '[192.0.2.1]',
      'a\u3002example',
      '\u00aduc.x',
    ]
    const routes = ['', '@r.example:', '@r.x,@s.x:']
    const ends = ['', '.', '\u3002', '-x', '\u0301']
    let taken = 0
    for (let round = 0; round < 5_000; round++) {
      const path = `<${dice.pick(routes)}${dice.pick(locals)}${dice.pick(['', '.b', '\u00df'])}@${dice.pick(hosts)}${dice.pick(ends)}>`
      let address
      try {
        address = new Address(path)
      } catch {
        continue
      }
      taken++
      assert.deepEqual(factsOfPath(path), addressFacts(address), path)
    }
    assert.ok(taken > 500, `${taken} taken`)
    for (const path of ['<>', '', '<postmaster>', 'Postmaster']) {
      assert.equal(factsOfPath(path).key, addressFacts(new Address(path)).key, path)
    }
  })

  describe('a client that may relay by its address, as the relay plugin itself says', () => {
    const NETWORKS = ['10.1.0.0/16', '192.0.2.7/32', '2001:db8::/32']
    const using = (acl: boolean) => ({
      registered_hooks: {},
      registered_plugins: {
        relay: { ...relayPlugin, cfg: { relay: { acl } }, acl_allow: NETWORKS },
      },
    })
    const ips: [string, boolean][] = [
      ['10.1.2.3', true],
      ['10.2.2.3', false],
      ['192.0.2.7', true],
      ['2001:db8::1', true],
      ['2001:db9::1', false],
    ]
    for (const [ip, may] of ips) {
      it(`${ip}: ${may}`, () => assert.equal(mayRelay(using(true), ip), may))
    }
    it('nobody, with acl=false or without the plugin', () => {
      assert.equal(mayRelay(using(false), '10.1.2.3'), false)
      assert.equal(mayRelay({ registered_hooks: {} }, '10.1.2.3'), false)
    })
  })
})

/** Rewrites in place, and once more when all of the message is there. */
const REWRITER = `
exports.hook_rcpt = function (next, connection, [recipient]) {
  if (recipient.user === 'place') recipient.user = 'placed'
  next()
}
exports.hook_data_post = function (next, { transaction }) {
  const { Address } = require('@haraka/email-address')
  transaction.rcpt_to = transaction.rcpt_to.map((address) =>
    address.user === 'late' ? new Address('<later@example.com>') : address)
  next()
}
exports.hook_reset_transaction = function (next, { transaction }) {
  this.lognotice('reset ' + transaction.uuid)
  next()
}`

const POLICIES = `[main]
enabled=true
intake_address=journal@scan.example
[policy.vip]
recipients=listed
recipient_list_file=vips
intake=default
`
const VIPS = [
  'victim@example.com',
  'info@example.com',
  'bob@example.com',
  'place@example.com',
  'late@example.com',
  'jos\u00e9@example.com',
  '@b\u00fccher.example',
]

describe('a policy for a mailbox, whatever it is called', function () {
  this.timeout(60_000)

  let stage: Stage
  let server: HarakaServer

  before(async () => {
    stage = await Stage.start({ 'scan.example': {} })
    server = await stage.gateway({
      domains: ['example.com', 'inside.example', 'xn--bcher-kva.example'],
      plugins: ['rewriter', 'aliases', 'rcpt_to.in_host_list', 'tdc', 'queue/smtp_forward'],
      scanners: { rewriter: REWRITER },
      tdc: `${POLICIES}[delivery]\nport=${stage.port}\n`,
      config: {
        vips: VIPS.join('\n'),
        'aliases.json': JSON.stringify({
          'info@example.com': { action: 'alias', to: 'nobody@example.com' },
          'old@example.com': { action: 'alias', to: ['bob@example.com', 'eve@example.com'] },
        }),
      },
    })
  })
  after(() => stage.close())

  /** What is given, whom the report names, and how it is asked about. */
  const ROWS: readonly (readonly [to: string, recipients: string[], becomes?: string])[] = [
    ['victim@example.com', ['victim@example.com']],
    ['victim+news@example.com', ['victim+news@example.com']],
    ['VICTIM@EXAMPLE.com', ['VICTIM@EXAMPLE.com']],
    ['"victim"@example.com', ['"victim"@example.com']],
    ['"vi\\ctim"@example.com', ['"vi\\ctim"@example.com']],
    ['@a.example,@b.example:victim@example.com', ['victim@example.com']],
    ['victim%example.com@inside.example', ['victim%example.com@inside.example']],
    ['"victim@example.com"@inside.example', ['"victim@example.com"@inside.example']],
    ['example.com!victim@inside.example', ['example.com!victim@inside.example']],
    ['v\u0131ctim@example.com', ['v\u0131ctim@example.com']],
    ['victim@\uff45xample.com', ['victim@\uff45xample.com']],
    ['victim@example\u3002com', ['victim@example\u3002com']],
    ['jose\u0301@example.com', ['jose\u0301@example.com']],
    ['x@bu\u0308cher.example', ['x@bu\u0308cher.example']],
    ['x@XN--BCHER-kva.example', ['x@XN--BCHER-kva.example']],
    ['other@example.com', []],
    ['info@example.com', ['nobody@example.com, Forwarded: info@example.com'], 'nobody@example.com'],
    ['old@example.com', ['bob@example.com, Forwarded: old@example.com'], 'bob@example.com'],
    [
      'place@example.com',
      ['placed@example.com, Forwarded: place@example.com'],
      'placed@example.com',
    ],
    ['late@example.com', ['later@example.com, Forwarded: late@example.com'], 'later@example.com'],
  ]
  for (const [to, recipients, becomes] of ROWS) {
    it(`${JSON.stringify(to)}: ${recipients.length > 0 ? 'copied' : 'not copied'}, and explain says so`, async () => {
      const uuid = await sent(to)
      assert.deepEqual(await reported(uuid), recipients)
      const options = becomes === undefined ? [] : ['--becomes', becomes]
      const { code, out } = await server.tdc('explain', 'a@sender.example', to, ...options)
      assert.equal(code, recipients.length > 0 ? 0 : 1, out)
      const { out: track } = await server.tdc('track', plain(to))
      assert.match(track, new RegExp(uuid), 'found by what was given')
      const [first] = recipients[0]?.split(', ') ?? []
      if (becomes && first) assert.match((await server.tdc('track', first)).out, new RegExp(uuid))
    })
  }

  it('addresses that Haraka does not take at all', async () => {
    for (const to of ['victim(x)@example.com', 'victim@example.com.', 'victim @example.com']) {
      await assert.rejects(sent(to), /50[01]|550/)
    }
  })

  function plain(path: string): string {
    return path.replace(/^@[^:]*:/, '')
  }

  async function sent(to: string): Promise<string> {
    const client = await SmtpClient.connect(server)
    try {
      const mail = { ...mailAbout('x', { to: [to] }), parameters: ['SMTPUTF8'] }
      const { lines } = await client.send(mail)
      const uuid = /\(([0-9A-F-]+\.\d+)\)/.exec(lines.join())?.[1]
      if (uuid === undefined) throw new Error(lines.join())
      return uuid
    } finally {
      await client.quit()
    }
  }

  async function reported(uuid: string): Promise<string[]> {
    await server.waitForLine(`reset ${uuid}`)
    if (!server.log.some((line) => line.includes(`TDC: MID ${uuid}.tdc1 with`))) return []
    await server.waitForLine(`Message finished MID ${uuid}.tdc1 done`)
    const copy = stage
      .intake('scan.example')
      .messages.find(({ raw }) => raw.includes(`${uuid}.tdc`))
    const [own = ''] = (copy?.raw.toString() ?? '').split('Content-Type: message/rfc822', 1)
    return [...own.matchAll(/^Recipient: (.*)\r$/gm)].map(([, recipient = '']) => recipient)
  }
})
