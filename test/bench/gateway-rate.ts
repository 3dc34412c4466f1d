import type { Figure } from './figure'
import { Lab } from './lab'
import { inTurns, ratios, warmSides } from './sides'

const ROUNDS = 7
const MESSAGES = 2_000
/**
 * So many that the gateway never waits for one: the last packet of an original that Haraka forwards
 * leaves 40 ms after the others (Nagle's algorithm and delayed acknowledgement), with the plugin or
 * without, and ten connections would measure that.
 */
const CONNECTIONS = 80

/**
 * How many messages of 4 KB a second a Haraka accepts that has as many clients as it can serve: with
 * the plugin, which delivers the copies over TLS meanwhile, against without it. Clients, mailbox and
 * intake share the machine's processors with it.
 */
export function gatewayRate(before: string): Promise<Figure> {
  return Lab.for(async (lab) => {
    const sides = await warmSides(lab, before)
    const load = { connections: CONNECTIONS, messages: MESSAGES }
    const rates = await inTurns(
      sides,
      ROUNDS,
      async ({ bring }) => MESSAGES / (await bring(load)).seconds,
      (rate) => rate.toFixed(),
    )
    return { case: 'gateway-rate', ...ratios(rates), unit: 'messages/s' }
  })
}
