import type { AddressFacts, RecipientFacts } from '../decide/message-facts'
import { addressFacts, factsOfPath } from './address-facts'
import type { HarakaAddress } from './types'

/** The recipient of the latest RCPT command, and where it was put. */
interface Latest {
  readonly address: HarakaAddress
  readonly given: AddressFacts
  readonly from: number
}

/**
 * The recipients of one message as the client gave them, whatever plugins made of them since: an
 * alias takes the last one away and puts others in its place, or changes it where it stands.
 */
export class GivenRecipients {
  private readonly origins = new Map<HarakaAddress, AddressFacts>()
  private latest: Latest | undefined

  /** The last of `recipients` was given just now, and no plugin behind us has seen it. */
  note(recipients: readonly HarakaAddress[]): void {
    const from = recipients.length - 1
    this.settle(recipients, from)
    const address = recipients[from]
    this.latest = address && { address, given: givenFor(address), from }
  }

  /** `recipients` as they go on, and what they were. */
  facts(recipients: readonly HarakaAddress[]): RecipientFacts[] {
    this.settle(recipients, recipients.length)
    this.latest = undefined
    let gone: readonly AddressFacts[] | undefined
    return recipients.map((recipient) => {
      const facts = addressFacts(recipient)
      const origin = this.origins.get(recipient) ?? written(recipient, facts)
      // One that was put in after all were given may come from any that is not there any more.
      const candidates = origin ? [origin] : (gone ??= this.gone(recipients))
      const isSame = candidates.some(({ key }) => key === facts.key)
      return { ...facts, given: isSame ? [] : candidates }
    })
  }

  private gone(recipients: readonly HarakaAddress[]): AddressFacts[] {
    if (this.origins.size === 0) return []
    const here = new Set(recipients)
    return [...this.origins].flatMap(([address, given]) => (here.has(address) ? [] : given))
  }

  /** What stands where the latest was put is it, or was made of it; when it was refused, nothing does. */
  private settle(recipients: readonly HarakaAddress[], end: number): void {
    if (!this.latest) return
    const { address, given, from } = this.latest
    for (const recipient of recipients.slice(from, end)) {
      if (!this.origins.has(recipient)) this.origins.set(recipient, given)
    }
    // Where earlier ones were taken away, it stands further in front.
    if (!this.origins.has(address) && recipients.includes(address)) this.origins.set(address, given)
  }
}

function givenFor(address: HarakaAddress): AddressFacts {
  const now = addressFacts(address)
  return written(address, now) ?? now
}

/** The text that an address was parsed from, when it was changed since. */
function written(address: HarakaAddress, now: AddressFacts): AddressFacts | undefined {
  if (typeof address.original !== 'string') return undefined
  if (address.original === `<${now.address}>`) return undefined
  const facts = factsOfPath(address.original)
  return facts.key === now.key ? undefined : facts
}
