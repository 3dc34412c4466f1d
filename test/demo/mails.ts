import type { Mail } from '../support/smtp-client'

/** What must become of a mail. */
export interface Expected {
  readonly delivered: boolean
  /** Whom the copy at each intake must name, and nobody else; no entry: no copy there. */
  readonly copies: Readonly<Partial<Record<IntakeName, readonly string[]>>>
  /** Whether some of its recipients, or all, get no copy, which the log must say. */
  readonly skipped: boolean
}

export type IntakeName = 'A' | 'B'

export interface DemoMail extends Mail {
  readonly title: string
  readonly expected: Expected
}

const ANN = 'ann@example.com'
const BOB = 'bob@finance.example.com'
const CLEO = 'cleo@private.example.com'

export const domains = ['example.com', 'finance.example.com', 'private.example.com']

/** The policies that the mails below meet: finance has an intake of its own, private has none. */
export const policies = `
[policy.finance]
recipients=listed
recipient_list[]=@finance.example.com
intake=custom
intake_address=journal@scan-b.example

[policy.private]
recipients=listed
recipient_list[]=@private.example.com
intake=no

[policy.DEFAULT]
intake=default
`

export const mails: readonly DemoMail[] = [
  mail('default policy', [ANN], ['Subject: Lunch on Friday?', '', 'At noon, by the fountain.'], {
    delivered: true,
    copies: { A: [ANN] },
    skipped: false,
  }),
  mail('custom policy', [BOB], ['Subject: Invoice 4711', '', 'Please pay within 14 days.'], {
    delivered: true,
    copies: { B: [BOB] },
    skipped: false,
  }),
  mail('both in one mail', [ANN, BOB], ['Subject: Minutes', '', '. a line with a dot', '..', '.'], {
    delivered: true,
    copies: { A: [ANN], B: [BOB] },
    skipped: false,
  }),
  mail('policy says no', [CLEO], ['Subject: Salary', '', 'Between the two of us.'], {
    delivered: true,
    copies: {},
    skipped: true,
  }),
  mail('no and default', [CLEO, ANN], ['Subject: Grüße — 8 bit', '', 'Schöne Grüße, 概要 📈'], {
    delivered: true,
    copies: { A: [ANN] },
    skipped: true,
  }),
  mail('quarantined', [ANN], ['Subject: You won a PRIZE', '', 'Click here.'], {
    delivered: false,
    copies: {},
    skipped: true,
  }),
]

function mail(
  title: string,
  to: readonly string[],
  lines: readonly string[],
  expected: Expected,
): DemoMail {
  const head = [
    'From: Dave <dave@sender.example>',
    `To: ${to.join(', ')}`,
    `Message-ID: <${title.replaceAll(' ', '-')}@sender.example>`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
  ]
  const raw = Buffer.from([...head, ...lines, ''].join('\r\n'), 'utf8')
  const parameters = raw.some((octet) => octet > 0x7f) ? ['BODY=8BITMIME'] : []
  return { title, from: 'dave@sender.example', to, raw, parameters, expected }
}
