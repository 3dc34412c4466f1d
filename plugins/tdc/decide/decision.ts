import { uncleanBy } from './clean'
import type { SkipReason } from '../monitor/events'
import type { Intake, Settings } from '../settings/settings'
import type { AddressFacts, MessageFacts, RecipientFacts } from './message-facts'

/** One copy to make: an intake address and the recipients it is for (spec 3, splintering). */
export interface Route {
  readonly intake: Intake
  readonly recipients: readonly string[]
  /** What each of them was before it was rewritten, at the same place. */
  readonly given?: readonly (string | undefined)[]
  /** Names of the policies that sent them there. */
  readonly policies: readonly string[]
}

/** Recipients that get no copy, and why. */
export interface Skip {
  readonly reason: SkipReason
  readonly recipients: number
}

export interface Decision {
  readonly routes: readonly Route[]
  readonly skips: readonly Skip[]
}

/**
 * Who of a message's recipients gets a copy, and where to (spec 1 to 3). First what concerns the
 * message as a whole, then each recipient by itself: direction, intake address, policy.
 */
export function decide(
  message: MessageFacts,
  settings: Settings,
  isOwnReport: (token: string) => boolean,
): Decision {
  const whole = skipOfMessage(message, settings, isOwnReport)
  if (whole)
    return { routes: [], skips: [{ reason: whole, recipients: message.recipients.length }] }

  const splinters = new Splinters()
  for (const recipient of message.recipients) splinters.add(message, recipient, settings)
  return splinters.decision()
}

function skipOfMessage(
  message: MessageFacts,
  settings: Settings,
  isOwnReport: (token: string) => boolean,
): SkipReason | undefined {
  const { enabled, level } = settings.effective
  if (!enabled) return { token: 'disabled', level }
  // Only a valid keyed token counts: a header that any sender can write would be a way past the copy.
  if (message.loopToken !== undefined && isOwnReport(message.loopToken)) {
    return { token: 'own-report' }
  }
  const rule = uncleanBy(settings.unless, message.results ?? {})
  if (rule) return { token: 'not-clean', rule: rule.text }
  return undefined
}

/** Never a matter of the message's other recipients, whom its sender chooses. */
function isIncoming(message: MessageFacts, recipient: RecipientFacts, settings: Settings): boolean {
  if (message.relayClient) return false
  return formsOf(recipient).some(({ domain }) => settings.incoming.has(domain))
}

/** As it goes on, and as it was given. */
function formsOf(recipient: RecipientFacts): readonly AddressFacts[] {
  return [recipient, ...(recipient.given ?? [])]
}

interface Splinter {
  readonly intake: Intake
  readonly recipients: string[]
  readonly given: (string | undefined)[]
  readonly policies: string[]
}

/** Gathers the recipients of each distinct intake address, in RCPT order. */
class Splinters {
  private readonly routes = new Map<string, Splinter>()
  private readonly refusals = new Map<string, number>()
  private outgoing = 0
  private toIntake = 0

  add(message: MessageFacts, recipient: RecipientFacts, settings: Settings): void {
    if (!isIncoming(message, recipient, settings)) {
      this.outgoing++
      return
    }
    if (settings.intakeAddresses.has(recipient.key)) {
      this.toIntake++
      return
    }
    const given = (recipient.given ?? []).map(({ key }) => key)
    const { policy, choice } = settings.policies.match(message.sender, recipient.key, given)
    const intake = choice.kind === 'custom' ? choice.intake : settings.effective.intake
    if (choice.kind === 'no' || !intake) {
      this.refusals.set(policy, (this.refusals.get(policy) ?? 0) + 1)
      return
    }
    const splinter = this.splinter(intake)
    splinter.recipients.push(recipient.address)
    splinter.given.push(recipient.given?.[0]?.address)
    if (!splinter.policies.includes(policy)) splinter.policies.push(policy)
  }

  decision(): Decision {
    const skips: Skip[] = []
    if (this.outgoing) skips.push({ reason: { token: 'outgoing' }, recipients: this.outgoing })
    if (this.toIntake) skips.push({ reason: { token: 'to-intake' }, recipients: this.toIntake })
    if (this.refusals.size) {
      skips.push({
        reason: { token: 'policy-no', policies: [...this.refusals.keys()] },
        recipients: [...this.refusals.values()].reduce((sum, n) => sum + n, 0),
      })
    }
    return { routes: [...this.routes.values()], skips }
  }

  private splinter(intake: Intake): Splinter {
    let splinter = this.routes.get(intake.address)
    if (!splinter) {
      splinter = { intake, recipients: [], given: [], policies: [] }
      this.routes.set(intake.address, splinter)
    }
    return splinter
  }
}
