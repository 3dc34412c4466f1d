import assert from 'node:assert/strict'
import { decide } from '../plugins/tdc/decide/decision'
import type { MessageFacts } from '../plugins/tdc/decide/message-facts'
import { settingsOf } from './support/settings-source'

const TDC = `
[main]
enabled=true
intake_address=default@scan.example
incoming_domains=partner.example
relayed_domains=far.example, partner.example, example.org

[policy.finance]
recipients=listed
recipient_list[]=@finance.example.org
intake=custom
intake_address=money@scan.example

[policy.same-intake]
recipients=listed
recipient_list[]=@treasury.example.org
intake=custom
intake_address=money@scan.example

[policy.private]
recipients=listed
recipient_list[]=@private.example.org
intake=no

[policy.newsletters]
senders=listed
sender_list[]=@news.example
intake=no

[policy.DEFAULT]
intake=default
`

/** `address [address ...]` -> the facts of an ordinary incoming message. */
function message(recipients: string, over: Partial<MessageFacts> = {}): MessageFacts {
  return {
    transaction: 'T.1',
    sender: 'alice@sender.example',
    recipients: recipients.split(' ').map((address) => ({
      address,
      key: address.toLowerCase(),
      domain: address.toLowerCase().slice(address.indexOf('@') + 1),
    })),
    relayClient: false,
    loopToken: undefined,
    ...over,
  }
}

/** A decision in one line: `intake<-recipient,recipient; skip token n`. */
function decided(facts: MessageFacts, tdc = TDC): string {
  const { routes, skips } = decide(facts, settingsOf(tdc), (token) => token === 'ours')
  return [
    ...routes.map(({ intake, recipients }) => `${intake.address}<-${recipients.join(',')}`),
    ...skips.map(({ reason, recipients }) => `skip ${reason.token} ${recipients}`),
  ].join('; ')
}

describe('the decision', () => {
  const table: [string, MessageFacts, string][] = [
    ['default', message('bob@example.org'), 'default@scan.example<-bob@example.org'],
    [
      'the address is listed as it was received',
      message('Bob@Example.ORG'),
      'default@scan.example<-Bob@Example.ORG',
    ],
    ['custom', message('a@finance.example.org'), 'money@scan.example<-a@finance.example.org'],
    [
      'both: one copy each, naming its own recipients only',
      message('bob@example.org a@finance.example.org carol@example.org'),
      'default@scan.example<-bob@example.org,carol@example.org; money@scan.example<-a@finance.example.org',
    ],
    [
      'two policies with one intake address: one copy',
      message('a@finance.example.org b@treasury.example.org'),
      'money@scan.example<-a@finance.example.org,b@treasury.example.org',
    ],
    ['no', message('x@private.example.org y@private.example.org'), 'skip policy-no 2'],
    [
      'no and default',
      message('x@private.example.org bob@example.org'),
      'default@scan.example<-bob@example.org; skip policy-no 1',
    ],
    [
      'the first policy that matches decides',
      message('a@finance.example.org', { sender: 'x@news.example' }),
      'money@scan.example<-a@finance.example.org',
    ],
    ['by sender', message('bob@example.org', { sender: 'x@news.example' }), 'skip policy-no 1'],
    [
      'null sender',
      message('bob@example.org', { sender: '' }),
      'default@scan.example<-bob@example.org',
    ],
    ['relayed', message('x@far.example'), 'skip outgoing 1'],
    [
      'relayed for a domain of ours',
      message('x@partner.example y@far.example'),
      'default@scan.example<-x@partner.example; skip outgoing 1',
    ],
    ['a domain that nobody knows', message('x@new.example'), 'default@scan.example<-x@new.example'],
    [
      'a client of ours sends to a domain of ours',
      message('x@partner.example', { relayClient: true }),
      'skip outgoing 1',
    ],
    [
      'one of ours beside a relayed one: that keeps no copy away',
      message('bob@example.org x@far.example'),
      'default@scan.example<-bob@example.org; skip outgoing 1',
    ],
    ['to an intake', message('default@scan.example'), 'skip to-intake 1'],
    ['to the intake of a policy', message('Money@scan.example'), 'skip to-intake 1'],
    [
      'to an intake and to others',
      message('default@scan.example bob@example.org'),
      'default@scan.example<-bob@example.org; skip to-intake 1',
    ],
    ['our own report', message('bob@example.org', { loopToken: 'ours' }), 'skip own-report 1'],
    [
      'a forged token',
      message('bob@example.org', { loopToken: 'v=1; id=x; mac=00' }),
      'default@scan.example<-bob@example.org',
    ],
  ]
  for (const [story, facts, expected] of table) {
    it(story, () => assert.equal(decided(facts), expected))
  }

  it('nothing on a machine that is disabled, with the level that decided', () => {
    const settings = settingsOf(TDC.replace('enabled=true', 'enabled=false'))
    const { routes, skips } = decide(message('bob@example.org'), settings, () => false)
    assert.deepEqual(routes, [])
    assert.deepEqual(skips, [{ reason: { token: 'disabled', level: 'cluster' }, recipients: 1 }])
  })
})
