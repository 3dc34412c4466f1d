import assert from 'node:assert/strict'
import { AddressList } from '../plugins/tdc/settings/address-list'
import type { PolicyMatch } from '../plugins/tdc/settings/policies'
import type { Settings } from '../plugins/tdc/settings/settings'
import { problemsOf, settingsOf } from './support/settings-source'

const ON = '[main]\nenabled=true\nintake_address=scan@in.example\n'

function listOf(...entries: readonly string[]): AddressList {
  const list = new AddressList()
  for (const entry of entries) assert(list.add(entry), entry)
  return list
}

describe('an address list', () => {
  const rows: readonly (readonly [entry: string, inside: string[], outside: string[]])[] = [
    ['bob@a.example', ['bob@a.example', 'BOB@A.Example'], ['bob@b.example', 'rob@a.example', '']],
    ['bob@', ['bob@a.example', 'Bob@b.example', 'bob'], ['bobby@a.example', '']],
    ['@a.example', ['x@a.example', 'X@A.EXAMPLE'], ['x@sub.a.example', 'x@ba.example', 'x', '']],
    [
      '@.a.example',
      ['x@sub.a.example', 'x@deep.sub.A.example'],
      ['x@a.example', 'x@ba.example', 'x@a.example.b', ''],
    ],
    ['<>', [''], ['x@a.example', '<>']],
    ['@bücher.example', ['x@xn--bcher-kva.example'], ['x@bucher.example']],
    ['@.BÜCHER.example', ['x@sub.xn--bcher-kva.example'], ['x@xn--bcher-kva.example']],
    ['"bob"@a.example', ['bob@a.example', '"bob"@a.example', '"b\\ob"@a.example'], ['"@a.example']],
    ['"a b"@a.example', ['"a b"@a.example', '"A\\ B"@a.example'], ['ab@a.example']],
    ['"a@b"@c.example', ['"a@b"@c.example'], ['a@c.example', 'b@c.example']],
    ['x@[192.0.2.1]', ['x@[192.0.2.1]'], ['x@192.0.2.1']],
  ]
  for (const [entry, inside, outside] of rows) {
    it(`${entry} holds ${inside.join(' ') || 'the null sender'}`, () => {
      const list = listOf(entry)
      for (const address of inside) assert.equal(list.has(address), true, address)
      for (const address of outside) assert.equal(list.has(address), false, address)
    })
  }

  const bad = ['', 'bob', '@', '@.', 'a.example', 'a b@c.example', '@a..example', '@-a.example']
  for (const entry of [...bad, '@a.example..', '<bob@a.example>', 'a@b@c.example', '@*.example']) {
    it(`refuses ${entry}`, () => assert.equal(new AddressList().add(entry), false))
  }

  it('is empty until something is added', () => {
    for (const address of ['', 'x', 'x@a.example']) assert(!new AddressList().has(address))
  })
})

function decide(settings: Settings, sender: string, recipient: string): string {
  return told(settings.policies.match(sender, recipient))
}

function told({ policy, choice }: PolicyMatch): string {
  return choice.kind === 'custom'
    ? `${policy}: ${choice.intake.address} ${choice.intake.format}`
    : `${policy}: ${choice.kind}`
}

describe('the policies', () => {
  const settings = settingsOf(
    [
      ON,
      '[policy.DEFAULT]\nintake=default',
      '[policy.partners]\nsenders=listed\nsender_list[]=@partner.example\nsender_list_file=senders',
      '[policy.vip]\nrecipients=listed\nrecipient_list[]=ceo@example.org',
      'intake=custom\nintake_address=VIP@In.Example',
      '[policy.outside]\nsenders=not_listed\nsender_list=@.example.org,@example.org',
      'recipients=listed\nrecipient_list[]=@lab.example.org\nintake=default',
      '[policy.bounces]\nsenders=listed\nsender_list[]=<>\nintake=default',
      '[formats]\nvip@IN.example=bcc',
    ].join('\n'),
    { readList: (name) => ({ kind: 'lines', lines: name === 'senders' ? ['news@'] : [] }) },
  )
  const rows: readonly (readonly [sender: string, recipient: string, expected: string])[] = [
    ['a@partner.example', 'ceo@example.org', 'partners: no'],
    ['news@any.example', 'ceo@example.org', 'partners: no'],
    ['a@b.example', 'CEO@example.org', 'vip: VIP@in.example bcc'],
    ['', 'ceo@example.org', 'vip: VIP@in.example bcc'],
    ['a@b.example', 'x@lab.example.org', 'outside: default'],
    ['a@sub.example.org', 'x@lab.example.org', 'DEFAULT: default'],
    ['', 'x@lab.example.org', 'outside: default'],
    ['', 'x@example.org', 'bounces: default'],
    ['a@b.example', 'x@example.org', 'DEFAULT: default'],
  ]
  for (const [sender, recipient, expected] of rows) {
    it(`<${sender}> to ${recipient}: ${expected}`, () =>
      assert.equal(decide(settings, sender, recipient), expected))
  }

  it('make every intake known, in lower case', () => {
    assert.deepEqual([...settings.intakeAddresses], ['scan@in.example', 'vip@in.example'])
  })

  it('share one intake when their addresses differ in case only', () => {
    const custom = (address: string) => `intake=custom\nintake_address=${address}`
    const two = settingsOf(
      `${ON}[policy.a]\nsenders=listed\nsender_list[]=a@\n${custom('Vip@in.example')}
       [policy.b]\n${custom('vip@IN.example')}`,
    )
    assert.equal(decide(two, 'a@x', 'c@d'), 'a: Vip@in.example journal')
    assert.equal(decide(two, 'b@x', 'c@d'), 'b: Vip@in.example journal')
  })

  it('need no global intake when each has its own', () => {
    const own = settingsOf(
      '[main]\nenabled=true\n[policy.DEFAULT]\nintake=custom\nintake_address=a@in.example',
    )
    assert.equal(own.effective.enabled, true)
    assert.equal(own.effective.intake, undefined)
  })

  it('may ask for the default intake where copies are off and there is none', () => {
    assert.deepEqual(problemsOf('[policy.DEFAULT]\nintake=default'), [])
  })
})

const MAILBOX = 'must be an address user@domain in ASCII'

/** A tdc.ini and all the sentences that refuse it. */
const REFUSED: readonly (readonly [text: string, ...sentences: string[]])[] = [
  ['[policy.a]\n[policy.a]', 'tdc.ini [policy.a]: stands 2 times; it must stand once'],
  ['[policy.a]\n[policy.A]', 'tdc.ini [policy.a]: stands 2 times; it must stand once'],
  [
    '[policy.default]\n[policy.DEFAULT]',
    'tdc.ini [policy.default]: stands 2 times; it must stand once',
  ],
  ['[policy.a]\nintake=custom', 'tdc.ini [policy.a] intake=custom: intake_address is missing'],
  [
    '[policy.a]\nintake_address=a@in.example',
    'tdc.ini [policy.a] intake_address=a@in.example: is not used, because intake=no; write intake=custom or take the address out',
  ],
  [
    '[policy.a]\nintake=yes\nintake_address=a@in.example',
    'tdc.ini [policy.a] intake=yes: must be no, default or custom',
  ],
  [
    '[policy.a]\nsenders=lsited\nsender_list[]=a@',
    'tdc.ini [policy.a] senders=lsited: must be any, listed or not_listed',
  ],
  [
    '[policy.a]\nsender_list[]=a@',
    'tdc.ini [policy.a] senders=any: the list is not used; write senders=listed',
  ],
  [
    '[policy.a]\nrecipients=listed\nrecipient_list[]=',
    'tdc.ini [policy.a] recipients=listed: recipient_list[] or recipient_list_file is missing',
  ],
  [
    '[policy.a]\nrecipients=listed\nrecipient_list[]=bob\nrecipient_list[]=5',
    'tdc.ini [policy.a] recipient_list: the entry bob must be user@domain, user@, @domain, @.domain or <>',
    'tdc.ini [policy.a] recipient_list: the entry 5 must be user@domain, user@, @domain, @.domain or <>',
  ],
  [
    '[policy.a]\nsenders=listed\nsender_list_file=gone',
    'tdc.ini [policy.a] sender_list_file=gone: the file cannot be read: ENOENT',
  ],
  [
    '[main]\nenabled=true',
    'tdc.ini [main] intake_address: is missing, while copies are enabled (cluster)',
  ],
  [
    '[main]\nenabled=true\n[policy.a]\nintake=default\n[policy.b]\nintake=custom\nintake_address=a@in.example',
    'tdc.ini [policy.a] intake=default: there is no default intake on this machine; set [main] intake_address',
  ],
  [
    '[main]\nenabled=true\nintake_address=a@x..y\n[policy.DEFAULT]\nintake=default',
    `tdc.ini [main] intake_address=a@x..y: ${MAILBOX}`,
  ],
  ...['a', '@b.example', 'a@', 'a@b.example.', 'ä@b.example', '<a@b.example>', '5'].map(
    (value) =>
      [
        `[main]\nintake_address=${value}`,
        `tdc.ini [main] intake_address=${value}: ${MAILBOX}`,
      ] as const,
  ),
  ...['a@[192.0.2.1]', '@x.example:a@b.example', 'a@b.example> SIZE=1', 'postmaster'].map(
    (value) =>
      [
        `[main]\nintake_address=${value}`,
        `tdc.ini [main] intake_address=${value}: ${MAILBOX}`,
      ] as const,
  ),
  [
    '[machine.other]\nintake_address=a@EXAMPLE.net',
    'tdc.ini [machine.other] intake_address=a@EXAMPLE.net: must not be in example.net, a domain that this server itself receives',
  ],
  [
    '[main]\nincoming_domains=in.example\nintake_address=a@in.example',
    'tdc.ini [main] intake_address=a@in.example: must not be in in.example, a domain that this server itself receives',
  ],
]

describe('a policy or an intake that cannot be meant', () => {
  for (const [text, ...sentences] of REFUSED) {
    it(`${text.replaceAll('\n', ' ')} is refused`, () =>
      assert.deepEqual(problemsOf(text), sentences))
  }

  it('a wrong list file gives 20 sentences and a number', () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `no address ${i}`)
    const problems = problemsOf('[policy.a]\nsenders=listed\nsender_list_file=list', {
      readList: () => ({ kind: 'lines', lines }),
    })
    assert.equal(problems.length, 21)
    assert.equal(
      problems[20],
      'tdc.ini [policy.a] sender_list_file=list: 49980 more entries are wrong',
    )
  })
})
