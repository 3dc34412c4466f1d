import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Connector } from '../plugins/tdc/compose'
import { askedOf, type Results, uncleanBy, verdictsOf } from '../plugins/tdc/decide/clean'
import { resultsOf } from '../plugins/tdc/haraka/results'
import type { Connection, HarakaPlugin, Transaction } from '../plugins/tdc/haraka/types'
import { MessageDecisions } from '../plugins/tdc/message-decisions'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import type { OwnReports } from '../plugins/tdc/own-reports'
import { parseCleanRule } from '../plugins/tdc/settings/clean-rules'
import { mailAbout, MailPath } from './support/mail-path'
import { RESULTS_TELLER, resultsOf as resultsOfMessage } from './support/results-teller'
import { problemsOf, settingsOf } from './support/settings-source'

/* eslint-disable @typescript-eslint/no-require-imports */
const ResultStore = require('haraka-results') as new (connection: object) => {
  get(name: string): Record<string, unknown> | undefined
  add(plugin: object, result: object): void
  incr(plugin: object, result: object): void
}

/** A plugin of the real package, `this` of its functions; its own configuration has the defaults. */
function scanner(name: string, cfg: object): Record<string, (...args: unknown[]) => unknown> {
  const code = require(`haraka-plugin-${name}`) as Record<string, unknown>
  const silent = Object.fromEntries(
    ['logdebug', 'loginfo', 'lognotice', 'logwarn', 'logerror'].map((log) => [log, () => {}]),
  )
  return { ...silent, ...code, name, cfg } as never
}
/* eslint-enable @typescript-eslint/no-require-imports */

/** A message as the scanners' own code leaves it, when their services answer like this. */
function scanned(): { connection: Connection; transaction: Transaction; stores: Stores } {
  const silent = { logdebug() {}, loginfo() {}, lognotice() {}, logwarn() {}, logerror() {} }
  const connection = { ...silent, relaying: false, notes: {} } as Record<string, unknown>
  const transaction = { notes: {}, add_header() {}, remove_header() {}, header: { get: () => '' } }
  const stores = {
    ofConnection: new ResultStore(connection),
    ofMessage: new ResultStore(connection),
  }
  Object.assign(connection, { results: stores.ofConnection, transaction })
  Object.assign(transaction, { results: stores.ofMessage })
  return { connection, transaction, stores } as never
}

interface Stores {
  readonly ofConnection: InstanceType<typeof ResultStore>
  readonly ofMessage: InstanceType<typeof ResultStore>
}

/** spamd's answer, as haraka-plugin-spamassassin parses it. */
const SPAMD = [
  'SPAMD/1.1 0 EX_OK',
  'Spam: True ; 7.3 / 5.0',
  '',
  'X-Spam-Status: Yes, score=7.3',
  '',
]

/** rspamd's, as its /checkv2 gives it. */
const RSPAMD = {
  action: 'add header',
  score: 8.1,
  required_score: 15,
  is_skipped: false,
  symbols: { BAYES_SPAM: { name: 'BAYES_SPAM', score: 5.1 } },
}

/** What is told when such a message is decided on, with these rules. */
function decided(connection: Connection, scanned: Transaction, unless: string) {
  const events: TdcEvent[] = []
  const ini =
    '[main]\nenabled=true\nintake_address=journal@scan.example\n[policy.DEFAULT]\nintake=default\n'
  const connector = {
    settings: { value: settingsOf(`${ini}[clean]\n${unless}`) },
    monitor: { report: (event: TdcEvent) => void events.push(event) },
  } as unknown as Connector
  const ownReports = { has: () => false } as unknown as OwnReports
  const decisions = new MessageDecisions({ name: 'tdc' } as HarakaPlugin, connector, ownReports)
  const message = {
    ...scanned,
    uuid: 'V.1',
    mail_from: 'alice@sender.example',
    rcpt_to: ['bob@example.com'],
    header: { get_all: () => [] },
  } as unknown as Transaction
  decisions.of(connection, message)
  return events.find((event) => event.kind === 'decided') ?? assert.fail('nothing was told')
}

describe('clean, as the administrator says', () => {
  const { connection, transaction, stores } = scanned()

  before(() => {
    const clamd = scanner('clamd', { main: {}, reject: {} })
    // reject.virus=false: it passes what it found.
    clamd['handle_clamd']?.(connection, 'stream: Tests.Virus.UNOFFICIAL FOUND')
    const spamassassin = scanner('spamassassin', { main: { reject_threshold: 10 } })
    const answer = spamassassin['parse_spamassassin']?.(SPAMD.join('\r\n'))
    spamassassin['handle_spamassassin']?.(connection, answer, 0)
    const rspamd = scanner('rspamd', { main: {}, symbols: {} })
    const parsed = rspamd['parse_response']?.(JSON.stringify(RSPAMD), connection) as { log: object }
    stores.ofMessage.add(rspamd, parsed.log)
    const dcc = scanner('dcc', {})
    dcc['handle_dcc']?.(
      connection,
      dcc['parse_dcc']?.(connection, 'R\nR\nX-DCC: bulk\n') ?? {
        result: 'R',
        disposition: 'R',
        headers: [],
      },
    )
    stores.ofConnection.incr({ name: 'karma' }, { score: -7 })
    stores.ofMessage.add({ name: 'data.signatures' }, { fail: 'xjs' })
  })

  const ROWS: readonly (readonly [rule: string, holds: boolean])[] = [
    ['clamd.fail', true],
    ['clamd.fail=Tests.Virus.UNOFFICIAL', true],
    ['clamd.fail=other', false],
    ['clamd.pass', false],
    ['rspamd.action=add header', true],
    ['rspamd.action = ADD HEADER', true],
    ['rspamd.action=reject', false],
    ['rspamd.action!=no action', true],
    ['rspamd.score>8', true],
    ['rspamd.score>=8.1', true],
    ['rspamd.score>8.1', false],
    ['rspamd.symbols.BAYES_SPAM>5', true],
    ['rspamd.symbols.BAYES_HAM', false],
    ['rspamd.is_skipped', false],
    ['spamassassin.flag', true],
    ['spamassassin.flag=Yes', true],
    ['spamassassin.flag=true', true],
    ['spamassassin.flag=No', false],
    ['spamassassin.score>7', true],
    ['karma.score<-5', true],
    ['karma.score<-7', false],
    ['karma.score<=-7', true],
    ['data.signatures.fail', true],
    ['data.fail', false],
    ['nobody.fail', false],
    ['nobody.action!=x', false],
    ['clamd.constructor', false],
    ['__proto__.x', false],
  ]
  for (const [text, holds] of ROWS) {
    it(`${text}: ${holds ? 'holds' : 'does not hold'} for what the scanners' own code stored`, () => {
      const rule = parseCleanRule(text)
      assert.ok(rule)
      const found = uncleanBy([rule], resultsOf(connection, transaction, askedOf([rule])))
      assert.equal(found?.text, holds ? text : undefined)
    })
  }

  it('what was seen is told, one text for each scanner', () => {
    const told = verdictsOf(resultsOf(connection, transaction, askedOf([])), [])
    assert.ok(told.includes('clamd fail=Tests.Virus.UNOFFICIAL'), told.join('; '))
    assert.ok(told.includes('rspamd action=add header score=8.1'), told.join('; '))
    assert.ok(told.includes('spamassassin flag=true score=7.3'), told.join('; '))
    assert.ok(told.includes('karma score=-7'), told.join('; '))
  })

  it('the event of the decision has what was seen, by scanners and by whom a rule names', () => {
    stores.ofMessage.add({ name: 'house' }, { verdict: 'odd', fail: 'rule 7' })
    const seen = [
      'clamd fail=Tests.Virus.UNOFFICIAL',
      'rspamd action=add header score=8.1',
      'spamassassin flag=true score=7.3',
      'karma score=-7',
      'dcc disposition=Reject',
      'data.signatures fail=xjs',
    ]
    const rows: [unless: string, routes: number, verdicts: string[]][] = [
      ['', 1, seen],
      ['unless[]=house.verdict=bad\n', 1, [...seen, 'house fail=rule 7']],
      ['unless[]=house.verdict=odd\n', 0, [...seen, 'house fail=rule 7']],
    ]
    for (const [unless, routes, verdicts] of rows) {
      const event = decided(connection, transaction, unless)
      assert.deepEqual([event.routes.length, event.verdicts], [routes, verdicts], unless)
    }
    const results = new ResultStore(connection)
    const unseen = decided({} as Connection, { ...transaction, notes: {}, results } as never, '')
    assert.deepEqual(unseen.verdicts, [], 'of a message that nobody looked at')
  })

  it('the verdict on one message says nothing of the next one over the same connection', () => {
    const next = { notes: {}, results: new ResultStore(connection) } as unknown as Transaction
    const results = resultsOf(connection, next, askedOf([]))
    for (const text of ['spamassassin.flag', 'clamd.fail', 'rspamd.action=add header']) {
      assert.equal(uncleanBy([parseCleanRule(text) ?? assert.fail()], results), undefined, text)
    }
    const karma = uncleanBy([parseCleanRule('karma.score<-5') ?? assert.fail()], results)
    assert.equal(karma?.text, 'karma.score<-5', 'karma is about the connection')
  })

  it('nothing stored, or something odd in its place, is clean', () => {
    const odd: unknown[] = [
      undefined,
      null,
      7,
      { get_all: () => null },
      { get_all: () => ({ clamd: 7 }) },
    ]
    for (const results of odd) {
      const message = { notes: undefined, results } as unknown as Transaction
      const found = resultsOf({ results } as unknown as Connection, message, askedOf([]))
      assert.equal(uncleanBy([parseCleanRule('clamd.fail') ?? assert.fail()], found), undefined)
    }
    const results: Results = { clamd: null, x: [] }
    assert.equal(uncleanBy([parseCleanRule('x.length') ?? assert.fail()], results), undefined)
  })

  it('without rules all is copied; a bad rule is one sentence with its value', () => {
    assert.deepEqual(settingsOf('').unless, [])
    const text =
      '[clean]\nunless[]=clamd.fail\nunless[]=karma.score<-5\nunless[]=rspamd.action=add header\n'
    assert.equal(settingsOf(text).unless.length, 3)
    const must =
      'must be PLUGIN.RESULT, and then nothing, = or != and a value, or < > <= >= and a number'
    for (const bad of [
      'clamd',
      '.fail',
      'clamd.',
      'karma.score<low',
      'karma.score<',
      'a b.c=d',
      'x.y~z',
    ]) {
      assert.deepEqual(problemsOf(`[clean]\nunless[]=${bad}\n`), [
        `tdc.ini [clean] unless: the entry ${bad} ${must}`,
      ])
    }
  })
})

/** A clamd that finds a virus in what has its name in it (clamd(8), INSTREAM). */
async function startClamd(): Promise<Server> {
  const server = createServer((socket) => {
    let seen = ''
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (piece: string) => {
      seen += piece
      if (!seen.endsWith('\0\0\0\0')) return
      socket.end(`stream: ${seen.includes('worm') ? 'Tests.Worm.UNOFFICIAL FOUND' : 'OK'}\0\n`)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

describe('beside the real clamd plugin, which lets pass what it finds', function () {
  this.timeout(60_000)
  let path: MailPath
  let clamd: Server
  const sendWith = (subject: string, body: string) =>
    path.send(mailAbout(subject, { raw: Buffer.from(`Subject: ${subject}\r\n\r\n${body}\r\n`) }))
  const trackOf = async (subject: string) => {
    const { uuid } = await resultsOfMessage(path.haraka, subject)
    return (await path.haraka.tdc('track', uuid)).out
  }

  before(async () => {
    clamd = await startClamd()
    const { port } = clamd.address() as AddressInfo
    path = await MailPath.start({
      beforeTdc: ['tdc_inspect', 'teller', 'clamd'],
      sources: { teller: RESULTS_TELLER },
      config: {
        'clamd.ini': `[main]\nclamd_socket=127.0.0.1:${port}\n[reject]\nvirus=false\nUNOFFICIAL=false\n[check]\nlocal_ip=true\nprivate_ip=true\n`,
      },
    })
  })
  after(async () => {
    await path?.close()
    clamd?.close()
  })

  it('what is delivered is copied, and the verdict is tracked', async () => {
    assert.equal((await sendWith('found', 'a worm')).code, 250)
    await path.original('found')
    await path.copy('found')
    assert.match(await trackOf('found'), /clamd fail=Tests\.Worm\.UNOFFICIAL/)
  })

  it('with a rule: delivered, not copied, and the line says by which; other mail is copied', async () => {
    path.writeTdcIni({ sections: ['[clean]', 'unless[]=clamd.fail'] })
    await path.haraka.waitForLine('who gets copies has changed: [clean] unless: 1 more')
    assert.equal((await sendWith('unclean', 'a worm')).code, 250)
    await path.original('unclean')
    const line = await path.haraka.waitForLine('not clean: clamd.fail')
    assert.match(line, /not copied for 1 recipient/)
    assert.match(await trackOf('unclean'), /clamd fail=Tests\.Worm\.UNOFFICIAL/)
    await sendWith('well', 'nothing')
    await path.copy('well')
    await path.settled()
    assert.deepEqual(path.copiesOf('unclean'), [])
  })
})
