import { names, type Outcome } from './check'
import type { DemoMail } from './mails'
import { sites, type World } from './world'

export function explanation({ gateway, mailbox, intakes }: World): string {
  return `
A mail gateway, Haraka with this plugin as npm packs it, and all that is around it, on loopback:

  gateway    127.0.0.1:${gateway.port}  takes mail for example.com and two subdomains
  scanner    in the gateway   puts mail that promises a prize into quarantine
  mailboxes  ${mailbox.host}:${mailbox.port}  gets the originals
  intake A   ${intakes.A.host}:${intakes.A.port}  gets copies for ${sites.A.address}: the default
  intake B   ${intakes.B.host}:${intakes.B.port}  gets copies for ${sites.B.address}: policy finance

Policies: finance.example.com -> intake B, private.example.com -> no copy, all else -> intake A.
Below each mail stand the connector's lines from the gateway's log.`
}

export function heading(number: number, mail: DemoMail): string {
  const at = names.filter((name) => mail.expected.copies[name] !== undefined)
  const copies = at.length === 0 ? 'no copy' : `a copy at intake ${at.join(' and at ')}`
  return `\n${number}. ${mail.title}: to ${mail.to.join(', ')}; ${copies} is due`
}

/** The lines that the connector writes, among all of Haraka's. */
export function isConnectorLine(text: string): boolean {
  return /TDC:|^DCID |^Message finished|^DNS Error|^Bounced:/.test(text)
}

export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((each) => [
    each.mail.title,
    of(each.originals, each.mail.expected.delivered ? 1 : 0),
    ...names.map((name) => of(each.copies[name], each.mail.expected.copies[name] ? 1 : 0)),
    { true: 'yes', false: 'NO', undefined: '-' }[String(each.identical)] ?? '',
    each.wrong.length === 0 ? 'ok' : 'WRONG',
  ])
  const copies = names.map((name) => `copies at ${name}`)
  const all = [['mail', 'originals', ...copies, 'bytes identical', 'as it must be'], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const lines = all.map((row) =>
    row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '),
  )
  return ['', lines[0], widths?.map((width) => '-'.repeat(width)).join('  '), ...lines.slice(1)]
    .map((line) => line?.trimEnd())
    .join('\n')
}

function of(found: number, due: number): string {
  return `${found} of ${due}`
}

export function byHand(port: number): string {
  const mail = "from:'you@sender.example',to:'ann@example.com',subject:'by hand',text:'hello'"
  return `
The gateway stays up until Ctrl-C. Send it a mail of your own, from this directory:

  node -e "require('nodemailer').createTransport({port:${port},ignoreTLS:true}).sendMail({${mail}})"

or, where swaks is installed:

  swaks --server 127.0.0.1:${port} --from you@sender.example --to ann@example.com
`
}
