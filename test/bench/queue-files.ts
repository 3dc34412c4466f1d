import { mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { QUEUE_DOMAIN } from '../../plugins/tdc/base/names'
import type { CopyNotes } from '../../plugins/tdc/queue/copy-notes'
import { keptName } from '../../plugins/tdc/queue/kept-name'
import { benchMessage } from './message'

/** Whose the files are: core's outbound delivers the one kind, the connector the other. */
export type QueueOwner = 'haraka' | 'connector'

/** Fills a queue directory with messages that are due, as Haraka's outbound and as the connector do. */
export function fillQueue(dir: string, owner: QueueOwner, count: number): void {
  mkdirSync(dir, { recursive: true })
  const now = Date.now()
  for (let number = 0; number < count; number++) {
    const tag = number.toString(36).padStart(6, '0')
    const host = hostname().replaceAll('_', '\\137')
    const name = [now, now, 0, process.pid, tag, number % 10_000, host].join('_')
    writeFileSync(join(dir, name), queueFile(number, owner, now))
  }
}

/** Fills a folder with copies that were given up and kept, as the connector keeps them. */
export function fillKept(folder: string, count: number): void {
  mkdirSync(folder, { recursive: true })
  const now = Date.now()
  for (let number = 0; number < count; number++) {
    const bytes = queueFile(KEPT_FROM + number, 'connector', now)
    const { mid } = benchMessage(KEPT_FROM + number)
    const at = now - count + number
    const name = keptName({ at, bytes: bytes.length, cause: 'expired', outage: false, mid })
    writeFileSync(join(folder, name), bytes)
  }
}

/** Others than those that wait. */
const KEPT_FROM = 1_000_000

function queueFile(number: number, owner: QueueOwner, now: number): Buffer {
  const { mid, raw, recipient, reversePath, size, eightBit, smtputf8 } = benchMessage(number)
  const tdc: CopyNotes = {
    v: 1,
    intake: recipient,
    reversePath,
    messageId: `<${mid}@gateway.example>`,
    size,
    octets: raw.length,
    eightBit,
    smtputf8,
  }
  const to = mailbox(recipient)
  const todo = {
    queue_time: now,
    domain: owner === 'connector' ? QUEUE_DOMAIN : to.host,
    rcpt_to: [to],
    mail_from: mailbox(reversePath),
    notes: owner === 'connector' ? { tdc } : {},
    uuid: mid,
  }
  const json = Buffer.from(JSON.stringify(todo))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, raw])
}

function mailbox(address: string) {
  const at = address.lastIndexOf('@')
  const host = address.slice(at + 1)
  return { original: `<${address}>`, original_host: host, host, user: address.slice(0, at) }
}
