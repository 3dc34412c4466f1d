import assert from 'node:assert/strict'
import type { Fault } from '../plugins/tdc/smtp/fault'
import type { Failure, Outcome } from '../plugins/tdc/smtp/outcome'
import { retriesOf } from '../plugins/tdc/delivery/retries'
import type { SendResult } from '../plugins/tdc/smtp/session'
import type { Script } from './support/fault-script'
import { IntakeLink, outgoing } from './support/intake-link'

const BEGIN = ['EHLO gateway.example', 'MAIL FROM:<> SIZE=21', 'RCPT TO:<intake@example.com>']
const [EHLO = '', MAIL = '', RCPT = ''] = BEGIN

interface Row {
  readonly what: string
  readonly script: Script
  /** What the server must have read inside TLS. */
  readonly lines: readonly string[]
  /** Kind of failure with its code or details; `delivered` with the response. */
  readonly outcome: string
  readonly retries?: 0 | 1
  readonly reusable: boolean
  /** Default: the copy's. */
  readonly fault?: Fault
  readonly events?: readonly string[]
}

const LOST = ['connection-error']

const ROWS: readonly Row[] = [
  {
    what: 'an honest intake',
    script: [],
    lines: [...BEGIN, 'DATA'],
    outcome: 'delivered 250 2.0.0 Accepted',
    reusable: true,
  },
  {
    what: 'a reply in many lines, octet by octet',
    script: [{ on: 'BODY', reply: '250-2.6.0 Queued\r\n250 2.6.0 as 42', split: true }],
    lines: [...BEGIN, 'DATA'],
    outcome: 'delivered 250 2.6.0 Queued as 42',
    reusable: true,
  },
  {
    what: '251 to RCPT, which is a yes',
    script: [{ on: 'RCPT', reply: '251 2.1.5 Will forward' }],
    lines: [...BEGIN, 'DATA'],
    outcome: 'delivered 250 2.0.0 Accepted',
    reusable: true,
  },
  ...(['450', '451', '452', '500', '521', '550', '552', '554'] as const).flatMap((code) => [
    refused(code, 'MAIL', [EHLO, MAIL, 'RSET']),
    refused(code, 'RCPT', [EHLO, MAIL, RCPT, 'RSET']),
    refused(code, 'DATA', [...BEGIN, 'DATA', 'RSET']),
    refused(code, 'BODY', [...BEGIN, 'DATA']),
  ]),
  ...(['421', '503'] as const).flatMap((code) => [
    closing(code, 'MAIL', [EHLO, MAIL]),
    closing(code, 'RCPT', [EHLO, MAIL, RCPT]),
    closing(code, 'DATA', [...BEGIN, 'DATA']),
    closing(code, 'BODY', [...BEGIN, 'DATA']),
  ]),
  ...(['220', '354', '299'] as const).flatMap((code) => [
    outOfStep(code, 'MAIL', [EHLO, MAIL]),
    outOfStep(code, 'RCPT', [EHLO, MAIL, RCPT]),
    outOfStep(code, 'BODY', [...BEGIN, 'DATA']),
  ]),
  outOfStep('250', 'DATA', [...BEGIN, 'DATA']),
  ...(['drop', 'reset', 'half-open'] as const).flatMap((then) => [
    cut(then, 'MAIL', [EHLO, MAIL]),
    cut(then, 'RCPT', [EHLO, MAIL, RCPT]),
    cut(then, 'DATA', [...BEGIN, 'DATA']),
    cut(then, 'CONTENT', [...BEGIN, 'DATA']),
    cut(then, 'BODY', [...BEGIN, 'DATA']),
  ]),
  ...(['endless-line', 'endless-reply'] as const).map((then) => ({
    what: `${then} to MAIL`,
    script: [{ on: 'MAIL', then }] as const,
    lines: [EHLO, MAIL],
    outcome: 'network protocol',
    retries: 1 as const,
    reusable: false,
    fault: 'host' as const,
    events: LOST,
  })),
  ...['000 no', '999 no', 'hello', '25 short', '250_no', '250-a\r\n251 b', '250 a\0b'].map(
    (reply): Row => ({
      what: `garbage to MAIL: ${JSON.stringify(reply)}`,
      script: [{ on: 'MAIL', reply }],
      lines: [EHLO, MAIL],
      outcome: 'network protocol',
      retries: 1,
      reusable: false,
      fault: 'host',
      events: LOST,
    }),
  ),
  {
    what: 'two replies to MAIL',
    script: [{ on: 'MAIL', extra: '250 again\r\n' }],
    lines: [EHLO, MAIL],
    outcome: 'network protocol',
    retries: 1,
    reusable: false,
    fault: 'host',
    events: LOST,
  },
  {
    what: 'a piece of a second reply to RCPT',
    script: [{ on: 'RCPT', extra: '25' }],
    lines: [EHLO, MAIL, RCPT],
    outcome: 'network protocol',
    retries: 1,
    reusable: false,
    fault: 'host',
    events: LOST,
  },
  {
    what: 'a yes before the message ends',
    script: [{ on: 'DATA', extra: '250 2.0.0 Accepted\r\n' }],
    lines: [...BEGIN, 'DATA'],
    outcome: 'network protocol',
    retries: 1,
    reusable: false,
    events: LOST,
  },
  {
    what: 'a no before the message ends',
    script: [{ on: 'DATA', extra: '552 5.3.4 Too big\r\n' }],
    lines: [...BEGIN, 'DATA'],
    outcome: 'reply BODY 552',
    retries: 1,
    reusable: false,
  },
  {
    what: '421 right behind the reply to MAIL',
    script: [{ on: 'MAIL', extra: '421 4.3.2 Bye\r\n', then: 'stall', reply: '250 Ok' }],
    lines: [EHLO, MAIL],
    outcome: 'reply RCPT 421',
    retries: 1,
    reusable: false,
    fault: 'intake',
  },
  {
    what: 'a second reply behind the final one: delivered, but the connection is out of step',
    script: [{ on: 'BODY', extra: '250 again\r\n' }],
    lines: [...BEGIN, 'DATA'],
    outcome: 'delivered 250 2.0.0 Accepted',
    reusable: false,
  },
  {
    what: 'a refused RSET: the refusal stands, the connection goes',
    script: [
      { on: 'RCPT', reply: '550 5.1.1 No' },
      { on: 'RSET', reply: '500 What?' },
    ],
    lines: [...BEGIN, 'RSET'],
    outcome: 'reply RCPT 550',
    retries: 0,
    reusable: false,
  },
  {
    what: 'a connection that is lost at RSET: the refusal stands',
    script: [
      { on: 'RCPT', reply: '450 4.2.1 Later' },
      { on: 'RSET', then: 'reset' },
    ],
    lines: [...BEGIN, 'RSET'],
    outcome: 'reply RCPT 450',
    fault: 'host',
    retries: 1,
    reusable: false,
  },
]

describe('delivery: dialogues of one message', () => {
  for (const row of ROWS) {
    it(row.what, async () => {
      const link = await IntakeLink.start({ script: row.script })
      const session = await link.session()
      const result = await session.send(outgoing())
      assert.deepEqual(view(result), {
        outcome: row.outcome,
        retries: row.retries,
        fault: row.fault ?? 'copy',
        reusable: row.reusable,
      })
      assert.deepEqual(link.server.connections[0]?.seen.lines('tls'), row.lines)
      assert.deepEqual(link.kinds(), [
        'connected',
        'tls-success',
        'delivery-start',
        ...(row.events ?? refusedEvents(row)),
      ])
      session.destroy()
      // What is refused is told at once, and again a minute later when there was more of it.
      if (refusedEvents(row).length > 0) await link.clock.advance(60_000)
      assert.equal(link.clock.pending, 0, 'no timer is left')
      await link.close()
    })
  }

  it('delivers the very bytes, under the envelope asked for', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    const body = '..dot\r\n\r\n...\r\n\u00e9\r\n'
    await session.send(outgoing({ body, reversePath: 'a@b.example', eightBit: true }))
    const [message] = link.server.messages
    assert.equal(message?.mailFrom, 'a@b.example')
    assert.deepEqual(message?.rcptTo, ['intake@example.com'])
    assert.equal(message?.parameters, `SIZE=${Buffer.byteLength(body)} BODY=8BITMIME`)
    assert.equal(message?.raw.toString(), '.dot\r\n\r\n..\r\n\u00e9\r\n')
    session.destroy()
    await link.close()
  })

  it('delivers an empty message', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    const { outcome } = await session.send(outgoing({ body: '' }))
    assert.equal(outcome.kind, 'delivered')
    assert.equal(link.server.messages[0]?.size, 0)
    session.destroy()
    await link.close()
  })
})

function refused(code: string, on: 'MAIL' | 'RCPT' | 'DATA' | 'BODY', lines: string[]): Row {
  return {
    what: `${code} to ${on}`,
    script: [{ on, reply: `${code} ${code[0]}.7.0 No` }],
    lines,
    outcome: `reply ${on} ${code}`,
    retries: code.startsWith('4') || code === '552' ? 1 : 0,
    reusable: true,
    fault: code.startsWith('4') && on !== 'BODY' ? 'host' : 'copy',
  }
}

function closing(code: string, on: 'MAIL' | 'RCPT' | 'DATA' | 'BODY', lines: string[]): Row {
  const fault = code === '421' ? 'intake' : 'copy'
  return { ...refused(code, on, lines), retries: 1, reusable: false, fault }
}

function outOfStep(code: string, on: 'MAIL' | 'RCPT' | 'DATA' | 'BODY', lines: string[]): Row {
  return {
    what: `${code} to ${on}`,
    script: [{ on, reply: `${code} Ok` }],
    lines,
    outcome: 'network protocol',
    retries: 1,
    reusable: false,
    events: LOST,
    fault: on === 'BODY' ? 'copy' : 'host',
  }
}

function cut(
  then: 'drop' | 'reset' | 'half-open',
  on: 'MAIL' | 'RCPT' | 'DATA' | 'CONTENT' | 'BODY',
  lines: string[],
): Row {
  return {
    what: `${then} at ${on}`,
    script: [{ on, then }],
    lines,
    outcome: `network ${then === 'reset' ? 'reset' : 'closed'}`,
    retries: 1,
    reusable: false,
    events: LOST,
    fault: on === 'BODY' || on === 'CONTENT' ? 'copy' : 'host',
  }
}

/** A reply that is no fault of the copy is told, in lines that are held back and counted. */
function refusedEvents({ outcome, fault = 'copy' }: Row): string[] {
  return outcome.startsWith('reply ') && fault !== 'copy' ? ['refused'] : []
}

function view({ outcome, fault, reusable }: SendResult) {
  const retries = outcome.kind === 'failed' ? retriesOf(outcome.failure) : undefined
  return { outcome: inWords(outcome), retries, fault, reusable }
}

function inWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'delivered':
      return `delivered ${outcome.response}`
    case 'aborted':
      return 'aborted'
    case 'failed':
      return failureInWords(outcome.failure)
  }
}

function failureInWords(failure: Failure): string {
  switch (failure.kind) {
    case 'reply':
      return `reply ${failure.command} ${failure.reply.code}`
    case 'network':
      return `network ${failure.details}`
    case 'tls':
      return `tls ${failure.reason}`
    case 'dns':
      return `dns ${failure.result}`
  }
}
