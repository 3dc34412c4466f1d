import type { Copy as Arrived } from '../support/intake'
import type { Copy, Seen } from './model'
import type { Kept } from './mailbox-server'

/** What is left of all mails of one gateway, by mail: in mailboxes, at intakes, in the log. */
export class Evidence {
  /** Misses that the log tells of, by transaction; what `status` counts must be as many. */
  readonly misses: readonly string[]
  private readonly mailOf: ReadonlyMap<string, string>
  private readonly queuedHere: ReadonlySet<string>
  private readonly copies = new Map<string, Copy[]>()

  constructor(
    log: readonly string[],
    private readonly kept: (id: string) => Kept,
    arrived: readonly Arrived[],
  ) {
    const found = (pattern: RegExp) => log.flatMap((line) => [pattern.exec(line)?.slice(1) ?? []])
    this.mailOf = new Map(found(/ model (\S+) is (\S+)/).map(([id = '', uuid = '']) => [uuid, id]))
    this.queuedHere = new Set(found(/ model queued (\S+)/).flat())
    this.misses = found(/ TDC: Message (\S+) not copied to the message intake address /).flat()
    for (const { to, raw } of arrived) {
      const text = raw.toString('latin1')
      const [, id = ''] = /^Message-Id: <(\S+)@sender\.example>/m.exec(text) ?? []
      const named = [...text.matchAll(/^Recipient: ([^,\s]+)/gm)].map(([, name = '']) =>
        name.toLowerCase(),
      )
      this.copies.set(id, [...(this.copies.get(id) ?? []), { intake: to[0] ?? '', named }])
    }
  }

  of(id: string): Seen {
    return {
      ...this.kept(id),
      queuedHere: this.queuedHere.has(id),
      copies: this.copies.get(id) ?? [],
      missed: this.misses.some((uuid) => this.mailOf.get(uuid) === id),
    }
  }
}
