import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Row, ROWS } from './support/fate-rows'
import type { Copy } from './support/intake'
import { hasSubject, MailPath } from './support/mail-path'
import {
  type Mailbox,
  type Objection,
  type Received,
  startMailbox,
  type Verdict,
} from './support/mailbox'
import { SmtpClient, wireForm } from './support/smtp-client'
import { makeTempDir } from './support/temp-dir'

/** Seconds that a queue plugin has. */
const PLUGIN_TIMEOUT = 2

/** Messages at a time. */
const BATCH = 40

describe("the original's fate, and its copy", function () {
  this.timeout(120_000)
  let path: MailPath
  let ways: string
  /** The host that a domain of smtp_forward.ini has for itself. */
  let other: Mailbox
  /** Subjects of the messages that the next hop has, or whose recipients it was asked for. */
  const reached = new Map<string, () => void>()
  const found: string[] = []

  before(async () => {
    ways = join(makeTempDir('mailbox'), 'own')
    writeFileSync(ways, '')
    other = await startMailbox({ verdict: onOriginal, onRecipient })
    path = await start()
    path.onRecipient = onRecipient
    path.onData = (to) => (to.some((one) => one.startsWith('cut@')) ? 'drop' : undefined)
    path.onOriginal = onOriginal
    for (let at = 0; at < ROWS.length; at += BATCH) {
      found.push(
        ...(await Promise.all(ROWS.slice(at, at + BATCH).map((row, i) => pass(row, at + i)))),
      )
    }
    await path.settled()
  })
  after(() => Promise.all([path?.close(), other?.close()]))

  for (const [at, row] of ROWS.entries()) {
    const { way, title, code, has, copies, doubt } = row
    it(`${way}: ${title}: ${copies} cop${copies === 1 ? 'y' : 'ies'}${doubt ? ' in doubt' : ''}`, () => {
      const subject = subjectOf(at)
      const log = path.haraka.log.filter((line) => line.includes(found[at] ?? 'no uuid'))
      const seen = {
        code: codes[at],
        has: mailboxesOf(row, subject, found[at] ?? ''),
        copies: path.copiesOf(subject).length,
        doubt: log.some((line) => line.includes(' in doubt')) || undefined,
      }
      const mailboxes = typeof has === 'number' ? has : has.map(whole).sort()
      assert.deepEqual(seen, { code, has: mailboxes, copies, doubt }, log.join('\n'))
      // Where it is known who has the original, the copy names these and no others.
      const isKnown = typeof has !== 'number' && has.length > 0 && doubt === undefined
      const names = row.names?.map(whole) ?? (isKnown ? has.map(whole) : undefined)
      if (names) assert.deepEqual(path.copiesOf(subject).flatMap(namedIn).sort(), [...names].sort())
    })
  }

  describe('of a sender that comes back', () => {
    const comesBack = async (to: string, raw: Buffer): Promise<void> => {
      const reply = await path.send({ from: 'smtp_forward@sender.example', to: [whole(to)], raw })
      assert.equal(reply.code, 450)
    }
    const about = (subject: string, body: string) =>
      Buffer.from(`Subject: ${subject}\r\nX-Hop: drop\r\n\r\n${body}\r\n`)

    it('to a mailbox server that is down: no copy', async () => {
      await Promise.all(
        [1, 2, 3].map(() => comesBack('bob@down.example', about('again down', 'x'))),
      )
      await path.settled()
      assert.deepEqual(path.copiesOf('again down'), [])
    })

    it('and nobody can know: one copy of equal messages, each of others', async () => {
      const equal = about('again unknown', 'equal')
      const sent = [equal, equal, equal, about('again unknown', 'other')]
      await Promise.all(sent.map((raw) => comesBack('bob', raw)))
      await comesBack('ann', equal)
      await path.settled()
      assert.equal(path.copiesOf('again unknown').length, 3)
    })
  })

  it('a recipient that comes in `queue` has a copy of its own', async () => {
    const raw = Buffer.from('Subject: added\r\nX-Add: carol@example.com\r\n\r\nx\r\n')
    await path.send({ from: 'smtp_forward@sender.example', to: [whole('bob')], raw })
    await path.settled()
    const names = [whole('bob'), whole('carol')]
    assert.deepEqual(path.originalsOf('added')[0]?.to, names)
    assert.deepEqual(
      path.copiesOf('added').map((copy) => namedIn(copy).join()),
      names,
    )
  })

  const codes: (number | undefined)[] = []

  /** Sends the row's message; its uuid. */
  async function pass(row: Row, at: number): Promise<string> {
    const { way, title, to = ['bob'], fields = {}, lines = 1, leaves } = row
    const helo = `row-${at}.test`
    const client = await SmtpClient.connect({ port: path.haraka.port, helo, deadline: 30_000 })
    const subject = subjectOf(at)
    const head = Object.entries({ Subject: subject, ...fields }).map(
      ([name, is]) => `${name}: ${is}`,
    )
    const body = 'x'.repeat(70) + '\r\n'
    const raw = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body.repeat(lines)}`)
    await client.command(`MAIL FROM:<${way}@sender.example>`)
    for (const one of to) await client.command(`RCPT TO:<${whole(one)}>`)
    await client.command('DATA')
    if (leaves) {
      const there =
        leaves === 'in the own plugin'
          ? path.haraka.waitForLine(`own plugin is done with ${subject}`)
          : new Promise<void>((resolve) =>
              reached.set(to.includes('bob') ? subject : whole(to.at(-1) ?? ''), resolve),
            )
      client.write(wireForm(raw))
      await there
      client.hangUp()
    } else {
      const reply = await client.end(raw).catch((error: unknown) => {
        throw new Error(`${way}, ${title}: ${String(error)}\n${path.haraka.tail()}`)
      })
      codes[at] = reply.code
    }
    await client.quit()
    const line = await path.haraka.waitForLine(
      (text) => text.includes(` disconnect `) && text.includes(`helo=${helo}`),
    )
    return /\[([0-9A-F-]{36})/.exec(line)?.[1] ?? ''
  }

  function onRecipient(address: string): Objection | Promise<Objection> {
    const [user] = address.split('@')
    if (user === 'nobody') return '550 5.1.1 No such user'
    if (user === 'full') return '452 4.2.2 Full'
    if (user === 'gone') return 'drop'
    if (user !== 'slow') return undefined
    reached.get(address)?.()
    return afterTimeout().then(() => undefined)
  }

  function onOriginal({ raw }: Received): Verdict {
    const text = raw.toString('latin1', 0, 2_000)
    const subject = /^Subject: (.*)\r$/m.exec(text)?.[1] ?? ''
    reached.get(subject)?.()
    switch (/^X-Hop: (.*)\r$/m.exec(text)?.[1]) {
      case 'refuse':
        return { do: 'answer', reply: '550 5.7.1 No' }
      case 'defer':
        return { do: 'answer', reply: '450 4.7.1 Later' }
      case 'drop':
        return { do: 'drop' }
      case 'keep':
        return { do: 'drop', kept: true }
      case 'take late':
        return { do: 'wait', until: afterTimeout() }
      case 'refuse late':
        return { do: 'wait', until: afterTimeout(), reply: '550 5.7.1 No' }
      default:
        return { do: 'accept' }
    }
  }

  function mailboxesOf({ has }: Row, subject: string, uuid: string): number | string[] {
    if (typeof has !== 'number')
      return [
        ...path.originalsOf(subject),
        ...other.messages.entries.filter(({ raw }) => hasSubject(raw, subject)),
      ]
        .flatMap(({ to }) => to)
        .sort()
    const file = join(tmpdir(), `mail_${uuid}.1.eml`)
    const inFile = existsSync(file)
    if (inFile) rmSync(file)
    const lines = readFileSync(ways, 'utf8')
      .split('\n')
      .filter((line) => line === subject)
    return lines.length + (inFile ? 1 : 0)
  }

  async function start(): Promise<MailPath> {
    const nobody = await closedPort()
    const qmail = join(makeTempDir('qmail'), 'qmail-queue')
    writeFileSync(qmail, QMAIL.replace('MAILBOX', ways))
    chmodSync(qmail, 0o755)
    return MailPath.start({
      beforeTdc: ['tdc_inspect', 'ways', 'queue/smtp_bridge', 'queue/smtp_proxy'],
      afterTdc: ['queue/discard', 'queue/lmtp', 'queue/deliver', 'queue/qmail-queue', 'queue/test'],
      config: ({ host, port }) => {
        const there = `host=${host}\nport=${port}\n`
        return {
          plugin_timeout: `${PLUGIN_TIMEOUT}\n`,
          'tdc.timeout': '30\n',
          'ways.mailbox': ways,
          'qmail-queue.path': qmail,
          'smtp_forward.ini': `[main]\ncheck_recipient=true\n${there}[one.example]\n${there}one_message_per_rcpt=true\n[down.example]\nhost=${host}\nport=${nobody}\n[checked.example]\n${there}[other.example]\nhost=${other.host}\nport=${other.port}\n`,
          'smtp_proxy.ini': `[main]\n${there}`,
          'smtp_bridge.ini': there,
          'lmtp.ini': `[main]\n${there}`,
        }
      },
    })
  }
})

function afterTimeout(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, (PLUGIN_TIMEOUT + 0.5) * 1000))
}

function namedIn(copy: Copy | undefined): string[] {
  const [own = ''] = copy?.raw.toString('latin1').split('Content-Type: message/rfc822', 1) ?? []
  return [...own.matchAll(/^Recipient: ([^\r]*)/gm)].map(([, recipient = '']) => recipient)
}

function subjectOf(at: number): string {
  return `fate ${at}`
}

function whole(address: string): string {
  return address.includes('@') ? address : `${address}@example.com`
}

/** Where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A qmail-queue: the message on descriptor 0, then the envelope on 1. */
const QMAIL = `#!/bin/sh
message=$(cat)
exec 3<&1
test -n "$(tr '\\0' ' ' <&3)" || exit 54
case $message in *'X-Hop: hang'*) exec sleep 5 ;; *'X-Hop: fail'*) exit 31 ;; esac
echo "$message" | sed -n 's/^Subject: //p' >> MAILBOX
`
