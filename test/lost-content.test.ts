import assert from 'node:assert/strict'
import { rootCertificates } from 'node:tls'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { CurrentSettings } from '../plugins/tdc/settings/current'
import type { SettingsSource } from '../plugins/tdc/settings/source'
import { sourceOf } from './support/settings-source'

const MAIN = '[main]\nenabled=true\nintake_address=a@scan.example\n'
const VIP = '[policy.vip]\nrecipients=listed\nrecipient_list_file=vips\nintake=default\n'
const NEWS = '[policy.news]\nsenders=not_listed\nsender_list_file=news\nintake=no\n'
const ANY = '[policy.DEFAULT]\nintake=default\n'
const WHOLE = `${MAIN}${NEWS}${VIP}[delivery]\nretry_delay=20\n`

const VIPS = ['victim@example.com', 'x@example.com']
const OFF = '; write [main] enabled=false to turn copies off'

/** tdc.ini, and the lists that it names; without one there is no tdc.ini. */
interface Files {
  readonly ini?: string
  readonly vips?: readonly string[]
  readonly news?: readonly string[]
  readonly relayed?: readonly string[]
}

/** What is in force, as a server reads its files again and again. */
class Server {
  readonly told: string[] = []
  /** What changed beside who gets copies, a sentence for each reload. */
  readonly changed: string[] = []
  readonly settings: CurrentSettings

  private readonly report = (event: TdcEvent) => {
    if (event.kind === 'settings-changed') this.changed.push(event.what)
    else if ('text' in event && event.kind !== 'effective') {
      this.told.push(`${event.kind}: ${event.text}`)
    }
  }

  constructor(start: Files) {
    this.settings = new CurrentSettings(source(start))
    this.settings.read(source(start), this.report, true)
  }

  /** The sentences of a reload with these files. */
  reload(files: Files): string[] {
    this.told.length = 0
    this.settings.read(source(files), this.report, true)
    return [...this.told]
  }

  copies(recipient: string): boolean {
    const { effective, policies } = this.settings.value
    return effective.enabled && policies.match('ann@b.example', recipient).choice.kind !== 'no'
  }
}

function source({
  ini,
  vips = VIPS,
  news = ['ann@b.example'],
  relayed = [],
}: Files): SettingsSource {
  const lists: Record<string, readonly string[]> = { vips, news }
  return sourceOf(ini ?? '', {
    missing: ini === undefined,
    domains: { received: [], patterns: [], relayed },
    readList: (name) => ({ kind: 'lines', lines: lists[name] ?? [] }),
  })
}

const REFUSED = 'problem: tdc.ini refused, the settings before it stay in force'
const CUT = (line: number) =>
  `problem: tdc.ini is the one in force cut off in line ${line}; if that is meant, write a line behind it, such as a comment`
const EMPTY = 'the list file vips is empty; take it out of tdc.ini if that is meant'

describe('files that lost what they had', () => {
  const rows: [what: string, files: Files, ...sentences: string[]][] = [
    ['a list of listed recipients is empty', { ini: WHOLE, vips: [] }, `problem: ${EMPTY}`],
    [
      'a list of senders that are not listed is empty',
      { ini: WHOLE, news: [] },
      'problem: the list file news is empty; take it out of tdc.ini if that is meant',
    ],
    [
      'a list ends within an entry',
      { ini: WHOLE, vips: ['victim@exam'] },
      'problem: the list file vips is cut off in its entry victim@exam',
    ],
    ['tdc.ini is empty', { ini: '' }, `problem: tdc.ini is empty${OFF}`],
    ['tdc.ini has only comments', { ini: '; to come\n\n' }, `problem: tdc.ini is empty${OFF}`],
    ['tdc.ini is gone', {}, 'problem: config/tdc.ini is gone'],
    [
      'tdc.ini ends before its policies',
      { ini: MAIN },
      CUT(3),
      'problem: no policy of tdc.ini asks for copies any more; write [main] enabled=false to turn them off',
    ],
    [
      'tdc.ini ends before its last section',
      { ini: WHOLE.slice(0, WHOLE.indexOf('[delivery')) },
      CUT(11),
    ],
    ['tdc.ini ends within a value', { ini: WHOLE.slice(0, -2) }, CUT(13)],
    [
      'the policies are gone from another tdc.ini',
      { ini: `${MAIN}service_name=x\n` },
      'problem: no policy of tdc.ini asks for copies any more; write [main] enabled=false to turn them off',
    ],
  ]
  for (const [what, files, ...sentences] of rows) {
    it(`are refused while a server runs: ${what}`, () => {
      const server = new Server({ ini: WHOLE })
      assert.deepEqual(server.reload(files), [...sentences, REFUSED])
      assert.ok(server.copies('victim@example.com'))
      assert.deepEqual(server.reload({ ini: WHOLE }), [])
    })
  }

  it('cut anywhere, never turn copies off', () => {
    for (let length = 0; length < WHOLE.trimEnd().length; length++) {
      const server = new Server({ ini: WHOLE })
      assert.ok(server.reload({ ini: WHOLE.slice(0, length) }).includes(REFUSED), `at ${length}`)
      assert.ok(server.copies('victim@example.com'), `at ${length}`)
    }
  })

  it('are warned of at a start, and what was empty there is no reason to refuse a reload', () => {
    const server = new Server({ ini: WHOLE, vips: [] })
    const warning = 'warning: tdc.ini [policy.vip] recipient_list_file=vips: the file is empty'
    assert.ok(server.told.includes(warning))
    assert.deepEqual(server.reload({ ini: `${WHOLE}max_age=60\n`, vips: [] }), [warning])
    assert.ok(new Server({ ini: '' }).told.includes('warning: config/tdc.ini is empty'))
  })

  it('are taken when they are meant: enabled=false, or a line behind what is left', () => {
    const server = new Server({ ini: WHOLE })
    const off = WHOLE.replace('enabled=true', 'enabled=false')
    assert.deepEqual(server.reload({ ini: off }), [
      'warning: who gets copies has changed: copies: off (cluster), was on',
    ])
    const shorter = new Server({ ini: `${MAIN}${ANY}${VIP}` })
    assert.deepEqual(shorter.reload({ ini: `${MAIN}${ANY}; no more\n` }), [
      'warning: who gets copies has changed: the order of policies: , was vip; policy vip is gone; ' +
        'recipients of policy vip is gone',
    ])
  })

  it('are not taken by a worker that starts with them: it has what the first process has', () => {
    const master = new Server({ ini: WHOLE })
    const worker = new Server({ ini: WHOLE, vips: [] })
    worker.settings.takeOver(master.settings.files, source({ ini: WHOLE, vips: [] }), () => {})
    assert.ok(worker.copies('victim@example.com'))
    const other = new Server({ ini: `${WHOLE}max_age=60\n` })
    other.settings.takeOver(master.settings.files, source({ ini: WHOLE }), () => {})
    assert.equal(other.settings.value.delivery.maxAge, 60_000, 'nothing is lost: its own')
  })
})

describe('what else has changed', () => {
  const rows: [what: string, ini: string, told: string | undefined][] = [
    ['a value', WHOLE.replace('delay=20', 'delay=10'), '[delivery] retry_delay: 10, was 20'],
    [
      'one that goes, and one that comes',
      WHOLE.replace('retry_delay=20', 'max_age=60'),
      '[delivery] max_age: 60, was 120; [delivery] retry_delay: 30, was 20',
    ],
    ['a comment', `${WHOLE}; quiet\n`, undefined],
    ['the default, written down', `${WHOLE}max_age=120\n`, undefined],
    ['who gets copies', WHOLE.replace('a@scan', 'b@scan'), undefined],
    [
      'a list',
      `${WHOLE}[tls]\npin[]=${'ab'.repeat(32)}\npin[]=${'cd'.repeat(32)}\n`,
      '[tls] pin: 2 more, 0 fewer',
    ],
    [
      'a secret',
      `${WHOLE}[status_page]\ntoken=a-token-of-20-letters\n`,
      '[status_page] token is another',
    ],
    [
      'another machine',
      `${WHOLE}[machine.mx9]\nenabled=true\nintake_address=c@scan.example\n`,
      '[machine.mx9] enabled: true, was not set; [machine.mx9] intake_address: c@scan.example, was not set',
    ],
  ]
  for (const [what, ini, told] of rows) {
    it(`${what}: ${told ?? 'nothing'}`, () => {
      const server = new Server({ ini: WHOLE })
      server.reload({ ini })
      assert.deepEqual(server.changed, told === undefined ? [] : [told])
      server.reload({ ini })
      assert.equal(server.changed.length, told === undefined ? 0 : 1, 'said once')
    })
  }

  it('a file of certificates under the same name', () => {
    const settings = new CurrentSettings(source({ ini: WHOLE }))
    const told: string[] = []
    const read = (text: string) => {
      const own = sourceOf(`${WHOLE}[tls]\nca_file=ca.pem\n`, {
        readList: () => ({ kind: 'lines', lines: VIPS }),
        readFile: () => ({ kind: 'text', text }),
      })
      const report = (event: TdcEvent) =>
        void (event.kind === 'settings-changed' && told.push(event.what))
      settings.read(own, report, true)
    }
    const pem = rootCertificates.slice(0, 2)
    for (const text of pem) read(text)
    assert.match(told.join(), /^the file \S*ca\.pem is another$/)
  })
})

describe('who gets copies', () => {
  const rows: [what: string, files: Files, parts: string | undefined][] = [
    ['a setting that is about something else', { ini: `${WHOLE}max_age=60\n` }, undefined],
    [
      'an entry of a list',
      { ini: WHOLE, vips: [VIPS[0] ?? '', 'y@example.com', 'z@example.com'] },
      'recipients of policy vip: 2 more, 1 fewer',
    ],
    ['the same list in another order', { ini: WHOLE, vips: [...VIPS].reverse() }, undefined],
    [
      'a policy that comes, and one that says no',
      { ini: WHOLE.replace('not_listed', 'any').replace('sender_list_file=news', '') + ANY },
      'policy news: intake=no for senders any, recipients any, was intake=no for senders not_listed, ' +
        'recipients any; policy DEFAULT: intake=default, was intake=no; senders of policy news is gone',
    ],
    [
      'another intake',
      { ini: WHOLE.replace('a@scan', 'b@scan') },
      'the default intake: b@scan.example, was a@scan.example',
    ],
    [
      'a domain that is relayed for',
      { ini: WHOLE, relayed: ['partner.example'] },
      'the domains that are relayed for: 1 more, 0 fewer',
    ],
    [
      'a delimiter',
      { ini: WHOLE.replace(MAIN, `${MAIN}recipient_delimiter=-\n`) },
      'recipient_delimiter: -, was +',
    ],
  ]
  for (const [what, files, parts] of rows) {
    it(`changes with ${what}: ${parts === undefined ? 'no' : 'one warning says so'}`, () => {
      const told = new Server({ ini: WHOLE })
        .reload(files)
        .filter((text) => text.includes('who gets'))
      assert.deepEqual(
        told,
        parts === undefined ? [] : [`warning: who gets copies has changed: ${parts}`],
      )
    })
  }
})
