import { skipText } from '../monitor/lines'
import type { SkipReason } from '../monitor/events'
import type { CopyFormat, Settings } from '../settings/settings'
import { decide } from './decision'

/** A message that is asked about: what would become of it? */
export interface Supposed {
  /** `user@domain`; '' or `<>`: the null sender. */
  readonly from: string
  readonly to: string
  /** The client may relay. */
  readonly relaying: boolean
}

/** Which policy decides about a message, and why. */
export type Explanation = {
  readonly enabled: boolean
  /** The level that decided `enabled`. */
  readonly level: string
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

/** What would be decided for a clean message, by the same code that decides. */
export function explain(supposed: Supposed, settings: Settings): Explanation {
  const { routes, skips } = decide(factsOf(supposed), settings, () => false)
  const { enabled, level } = settings.effective
  const [route] = routes
  if (route) {
    const { address: intake, format } = route.intake
    const policy = route.policies.join(', ')
    const text = `policy ${policy} sends a copy to ${intake} (${format})`
    return { enabled, level, text, copy: true, intake, format, policy }
  }
  const reason: SkipReason = skips[0]?.reason ?? { token: 'disabled', level }
  return { enabled, level, text: `no copy: ${skipText(reason)}`, copy: false, reason: reason.token }
}

function factsOf({ from, to, relaying }: Supposed) {
  const key = keyOf(to)
  return {
    transaction: '',
    sender: keyOf(from),
    recipients: [
      { address: withoutBrackets(to), key, domain: key.slice(key.lastIndexOf('@') + 1) },
    ],
    relayClient: relaying,
    loopToken: undefined,
  }
}

/** As Haraka hands addresses on: in lower case. */
function keyOf(address: string): string {
  return withoutBrackets(address).toLowerCase()
}

function withoutBrackets(address: string): string {
  return address.trim().replace(/^<|>$/g, '')
}
