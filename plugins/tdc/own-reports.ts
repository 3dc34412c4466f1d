import { systemClock } from './clock'
import type { Connector } from './compose'
import { addressOf } from './haraka/address-facts'
import { readOriginal } from './haraka/read-original'
import type { HarakaPlugin, Transaction } from './haraka/types'
import { TOKEN_HEADER, tokenProblem } from './journal/loop-token'
import { MessageDigest } from './journal/report-digest'
import { writingTime } from './writing'

/** The messages that are reports of this installation, by the token that they carry. */
export class OwnReports {
  private readonly readings = new WeakMap<Transaction, AbortController>()
  private readonly proved = new WeakSet<Transaction>()

  constructor(
    private readonly plugin: HarakaPlugin,
    private readonly connector: Connector,
  ) {}

  has(transaction: Transaction): boolean {
    return this.proved.has(transaction)
  }

  /** The client left: the message may not be read any more. */
  giveUp(transaction: Transaction): void {
    this.readings.get(transaction)?.abort(new Error('the client left'))
  }

  /** Whether a message that carries a token is a report of ours; undefined: there is nothing to read. */
  recognise(transaction: Transaction): Promise<void> | undefined {
    const values = tokensIn(transaction)
    if (values.length === 0 || this.readings.has(transaction)) return undefined
    const reading = new AbortController()
    this.readings.set(transaction, reading)
    const { report } = this.connector.monitor
    return this.refusal(values, transaction, reading)
      .catch((error: unknown) => String(error))
      .then((why) => {
        if (why === undefined) this.proved.add(transaction)
        else report({ kind: 'token-refused', transaction: transaction.uuid, why })
      })
  }

  /** Why the token does not prove this message. The content is read only for one that we made. */
  private async refusal(
    [value = '', ...more]: readonly string[],
    transaction: Transaction,
    reading: AbortController,
  ): Promise<string | undefined> {
    if (more.length > 0) return 'it is no token'
    const { loopKeys, settings } = this.connector
    const now = systemClock.wall()
    const token = tokenProblem(value, {
      keys: loopKeys.accepted(now),
      now: Math.floor(now / 1000),
      reversePath: addressOf(transaction.mail_from),
      ownReversePath: settings.value.delivery.envelopeFrom,
    })
    if (typeof token === 'string') return token
    const within = writingTime(this.plugin, this.connector)
    const deadline = systemClock.after(within, () => reading.abort(new Error('it takes too long')))
    const content = new MessageDigest(token.lead)
    const take = (piece: Buffer): void => content.push(piece)
    await readOriginal(transaction, take, reading.signal, systemClock)
    deadline.cancel()
    return content.end() === token.digest ? undefined : 'its content is another'
  }
}

/** A header that cannot be asked proves nothing. */
function tokensIn({ header }: Transaction): readonly string[] {
  try {
    return header.get_all(TOKEN_HEADER)
  } catch {
    return []
  }
}
