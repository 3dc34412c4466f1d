import assert from 'node:assert/strict'
import type { HarakaServer } from './support/haraka'
import { INTAKE_ADDRESS, MailPath, mailAbout } from './support/mail-path'
import { sendMail } from './support/smtp-client'
import { Stage, type StageGatewayOptions } from './support/stage'

const REFUSED = 'tdc.ini refused, there are none before it: no message is copied until it is mended'
const OFF = 'Threat Defense Connector disabled (tdc.ini was refused)'
const ON = 'Threat Defense Connector enabled (cluster), message intake address'

interface Case {
  readonly title: string
  readonly options: (port: number) => Partial<StageGatewayOptions>
  /** All that the connector says at start, without `TDC: `. */
  readonly says: readonly string[]
  /** Whether a message is copied all the same. */
  readonly copied: boolean
}

const CASES: readonly Case[] = [
  {
    title: 'a tdc.ini with a mistake of every kind',
    options: () => ({
      tdc: `[main]
enabled=true
intake_address=journal@@scan.example
enabeld=true
format=eml
[delivery]
max_connections=5000
port=smtp
[deliveri]
retry_delay=3
[policy.vip]
recipients=listed
recipient_list_file=no_such_list
intake=custom
intake_address=journal@example.com
[policy.staff]
recipients=listed
recipient_list[]=bob@example.com
recipient_list[]=no address
intake=custom
[policy.VIP]
intake=no
[policy.staff]
senders=any
`,
    }),
    says: [
      'tdc.ini [policy.vip]: stands 2 times; it must stand once',
      'tdc.ini [policy.staff]: stands 2 times; it must stand once',
      'tdc.ini [deliveri]: there is no such section; [delivery] was meant?',
      'tdc.ini [main] enabeld=true: there is no such key here; enabled was meant?',
      'tdc.ini [main] format=eml: must be journal or bcc',
      'tdc.ini [delivery] port=smtp: must be a whole number from 1 to 65535',
      'tdc.ini [delivery] max_connections=5000: must be a whole number from 1 to 1000',
      'tdc.ini [main] intake_address=journal@@scan.example: must be an address user@domain in ASCII',
      'tdc.ini [policy.vip] recipient_list_file=no_such_list: the file cannot be read: ENOENT',
      'tdc.ini [policy.vip] intake_address=journal@example.com: must not be in example.com, ' +
        'a domain that this server itself receives',
      'tdc.ini [policy.staff] recipient_list: the entry no address must be user@domain, user@, ' +
        '@domain, @.domain or <>',
      'tdc.ini [policy.staff] intake=custom: intake_address is missing',
      REFUSED,
      OFF,
    ],
    copied: false,
  },
  {
    title: 'no intake address',
    options: () => ({ tdc: '[main]\nenabled=true\n' }),
    says: [
      'tdc.ini [main] intake_address: is missing, while copies are enabled (cluster)',
      REFUSED,
      OFF,
    ],
    copied: false,
  },
  {
    title: 'a default policy without an intake address',
    options: () => ({ tdc: '[main]\nenabled=true\n[policy.DEFAULT]\nintake=default\n' }),
    says: [
      'tdc.ini [policy.DEFAULT] intake=default: there is no default intake on this machine; ' +
        'set [main] intake_address',
      REFUSED,
      OFF,
    ],
    copied: false,
  },
  {
    title: 'a list file that is a folder',
    options: (port) => ({
      folders: ['staff'],
      tdc: `${good(port)}[policy.staff]
recipients=listed
recipient_list_file=staff
`,
    }),
    says: [
      'tdc.ini [policy.staff] recipient_list_file=staff: the file cannot be read: EISDIR',
      REFUSED,
      OFF,
    ],
    copied: false,
  },
  {
    title: 'a tdc.ini that cannot be read',
    options: () => ({ without: ['tdc.ini'], folders: ['tdc.ini'] }),
    says: ['tdc.ini cannot be read: EISDIR', REFUSED, OFF],
    copied: false,
  },
  {
    title: 'lines that are no settings, which the parser would pass over',
    options: (port) => ({ tdc: good(port).replace('enabled=true', 'enabled true') }),
    says: [
      'tdc.ini [main]: line 2, enabled ..., is neither a [section] nor key=value nor a comment',
      REFUSED,
      OFF,
    ],
    copied: false,
  },
  {
    title: 'surroundings that stand in the way',
    options: (port) => ({
      scanners: {
        pushy: `exports.register = function () {
          this.register_hook('queue', 'go', -100)
        }
        exports.go = (next) => next()`,
      },
      without: ['connection.ini'],
      config: { 'outbound.ini': 'disabled=true\ntemp_fail_intervals=none\n' },
      tdc: good(port),
    }),
    says: [
      `${ON} journal@scan.example (cluster)`,
      'config/connection.ini is missing: Haraka works with empty sections in its place, copy the ' +
        'file from Haraka to be sure of your limits',
      'outbound.ini disabled=true: copies found in the queue at start wait until it is enabled, ' +
        'copies of new messages are delivered',
      'outbound.ini temp_fail_intervals=none: Haraka gives up a queue file that it cannot read at ' +
        'the first attempt, with the copy in it; leave the intervals at their default',
      'plugin pushy hooks queue before tdc: list tdc before it in config/plugins, or messages ' +
        'that it queues are not copied',
    ],
    copied: true,
  },
  {
    title: 'a Haraka without outbound.build_todo',
    options: (port) => ({
      scanners: { thief: tampering("delete this.haraka_require('outbound').build_todo") },
      tdc: good(port),
    }),
    says: ['Haraka 3.3.4 has no outbound.build_todo as expected: no message is copied'],
    copied: false,
  },
  {
    title: 'a Haraka that is too old',
    options: (port) => ({
      scanners: { thief: tampering("this.haraka_require('package.json').version = '3.3.3'") },
      tdc: good(port),
    }),
    says: ['Haraka 3.3.3 is older than 3.3.4: no message is copied'],
    copied: false,
  },
]

describe('bad input', function () {
  this.timeout(60_000)

  let stage: Stage
  let servers: Promise<HarakaServer>[]

  before(async () => {
    stage = await Stage.start({ 'scan.example': {} })
    servers = CASES.map(({ options }) =>
      stage.gateway({ domains: ['example.com'], tdc: '', ...options(stage.port) }),
    )
    for (const server of servers) server.catch(() => undefined)
  })
  after(() => stage.close())

  for (const [at, { title, says, copied }] of CASES.entries()) {
    describe(title, () => {
      let server: HarakaServer
      before(async () => {
        const starting = servers[at]
        assert.ok(starting)
        server = await starting
      })

      it('is said in one sentence each', () => {
        assert.deepEqual(spoken(server), says)
      })

      it('stops no mail', async () => {
        const raw = Buffer.from('Message-ID: <1@sender.example>\r\n\r\nhello\r\n')
        const mail = { from: 'ann@sender.example', to: ['bob@example.com'], raw }
        assert.equal((await sendMail(server, mail)).code, 250)
        if (copied) await server.waitForLine(/ was successfully delivered /)
        assert.equal(server.running, true)
        assert.ok(!server.log.some((line) => /^\[(CRIT|ALERT|EMERG)\]/.test(line)), server.tail())
      })
    })
  }
})

describe('a config/plugins with the plugin twice', function () {
  this.timeout(60_000)

  it('is said in one line, and makes one copy', async () => {
    const path = await MailPath.start({ afterTdc: ['haraka-plugin-tdc'] })
    try {
      assert.deepEqual(spoken(path.haraka), [
        `${ON} ${INTAKE_ADDRESS} (cluster)`,
        'tdc stands twice in config/plugins; once is enough, take the other out',
      ])
      assert.equal((await path.send(mailAbout('once'))).code, 250)
      await path.copy('once')
      await path.haraka.waitForLine(/ was successfully delivered /)
      assert.equal(path.copiesOf('once').length, 1)
      const { code, out } = await path.haraka.tdc('status')
      assert.equal(code, 0, out)
    } finally {
      await path.close()
    }
  })
})

function good(port: number): string {
  return `[main]
enabled=true
intake_address=journal@scan.example
[policy.DEFAULT]
intake=default
[delivery]
port=${port}
`
}

/** A plugin that is loaded before the connector and changes Haraka under it. */
function tampering(statement: string): string {
  return `exports.register = function () { ${statement} }`
}

/** What the connector said at start. */
function spoken(server: HarakaServer): string[] {
  return server.log.flatMap((line) => /^\[[A-Z]+\] \[-\] \[tdc\] TDC: (.*)$/.exec(line)?.[1] ?? [])
}
