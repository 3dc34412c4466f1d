import { skipText } from '../monitor/words'
import type { SkipReason } from '../monitor/events'
import type { CopyFormat, Settings } from '../settings/settings'
import { decide } from './decision'
import type { MessageFacts } from './message-facts'

/** Which policy decides about a message, and why. */
export type Explanation = {
  readonly enabled: boolean
  /** The level that decided `enabled`. */
  readonly level: string
  /** The client may relay: it is said so, or its IP address is listed. */
  readonly relaying: boolean
  readonly text: string
} & (
  | {
      readonly copy: true
      readonly intake: string
      readonly format: CopyFormat
      readonly policy: string
    }
  | { readonly copy: false; readonly reason: SkipReason['token'] }
)

/** What is decided for a message with these facts, by the same code and from the same values. */
export function explain(facts: MessageFacts, settings: Settings): Explanation {
  const { routes, skips } = decide(facts, settings, () => false)
  const { enabled, level } = settings.effective
  const about = { enabled, level, relaying: facts.relayClient }
  const [route] = routes
  if (route) {
    const { address: intake, format } = route.intake
    const policy = route.policies.join(', ')
    const text = `policy ${policy} sends a copy to ${intake} (${format})`
    return { ...about, text, copy: true, intake, format, policy }
  }
  const reason: SkipReason = skips[0]?.reason ?? { token: 'disabled', level }
  return { ...about, text: `no copy: ${skipText(reason)}`, copy: false, reason: reason.token }
}
