import { createHash } from 'node:crypto'
import { fdatasync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeTempDir } from '../support/temp-dir'

/** What the client of a mail was told; `nothing`: the connection ended before it was told anything. */
export type Told = 'accepted' | 'refused' | 'nothing'

export interface ClientEntry {
  readonly subject: string
  readonly told: Told
  /** The reply to the final dot. */
  readonly reply: string
  /** Of the mail as the client sent it. */
  readonly sha256: string
}

const sync = promisify(fdatasync)

/** What clients were told, on disk before anybody goes on: it is what the gateway is held to. */
export class ClientLedger {
  private readonly path = join(makeTempDir('clients'), 'clients.jsonl')
  /** Open until the process ends. */
  private readonly file = openSync(this.path, 'a')

  async write(entry: Omit<ClientEntry, 'sha256'>, raw: Buffer): Promise<void> {
    const { subject, told, reply } = entry
    const sha256 = createHash('sha256').update(raw).digest('hex')
    writeSync(this.file, JSON.stringify({ subject, told, reply, sha256 }) + '\n')
    await sync(this.file)
  }

  read(): ClientEntry[] {
    const lines = readFileSync(this.path, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as ClientEntry)
  }
}
