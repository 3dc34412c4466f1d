import { setTimeout as sleep } from 'node:timers/promises'
import { type Reply, SmtpClient, wireForm } from '../support/smtp-client'
import { type Mail, RELAY_CLIENT, type Session } from './plan'

/** Longer than Haraka gives all plugins of a hook together. */
const DEADLINE = 30_000

/** A client that behaves, until it hangs up: what is deferred comes once more. */
export async function runSession(session: Session, port: number): Promise<void> {
  let client: SmtpClient | undefined
  const localAddress = session.relayClient ? RELAY_CLIENT : '127.0.0.1'
  for (const mail of session.mails) {
    for (const tries of [1, 2]) {
      client ??= await SmtpClient.connect({ port, deadline: DEADLINE, localAddress })
      const reply = await submit(client, mail)
      if (reply === undefined) client = undefined
      else if (isCut(mail)) client = void (await client.quit())
      if (tries === 2 || reply === undefined || reply.code >= 500 || reply.code < 400) break
    }
  }
  await client?.quit()
}

/** The reply to the final dot, or the one that ended the transaction before; undefined: it hung up. */
async function submit(client: SmtpClient, mail: Mail): Promise<Reply | undefined> {
  const from = await client.command(`MAIL FROM:<${senderOf(mail)}>`)
  if (from.code !== 250) return from
  let accepted = 0
  let last = from
  for (const to of mail.to) {
    last = await client.command(`RCPT TO:<${to}>`)
    if (last.code === 250) accepted++
  }
  if (accepted > 0) last = await client.command('DATA')
  if (last.code !== 354) {
    await client.command('RSET')
    return last
  }
  return mail.leaves === 'never' ? client.end(messageOf(mail)) : hangUp(client, mail)
}

async function hangUp(client: SmtpClient, mail: Mail): Promise<undefined> {
  const wire = wireForm(messageOf(mail))
  if (mail.leaves === 'in the message') client.write(wire.subarray(0, wire.length / 2))
  if (mail.leaves.endsWith('after the dot')) client.write(wire)
  if (mail.leaves !== 'before the message')
    await sleep(mail.leaves === 'soon after the dot' ? 60 : 5)
  client.hangUp()
}

/** Haraka closes the connection after its reply. */
function isCut({ end }: Mail): boolean {
  return typeof end === 'object' && end.result.endsWith('DISCONNECT')
}

function senderOf({ end, id }: Mail): string {
  const what =
    typeof end === 'string' ? `hop.${end.replace(/ /g, '-')}` : `own.${end.result}.${end.delivers}`
  return `${what}.${id}@sender.example`
}

function messageOf({ id, mark }: Mail): Buffer {
  return Buffer.from(
    `Subject: ${id}\r\nMessage-ID: <${id}@sender.example>\r\nX-Mark: ${mark}\r\n\r\nText.\r\n`,
  )
}
