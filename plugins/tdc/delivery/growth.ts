/**
 * Steepness of KumoMTA's growth curve, its function `ideal_connection_count`.
 * A fifth of the connections is wanted for 10 messages, half for 30, nine tenths for 100.
 */
const GROWTH_RATE = 0.023

export interface GrowthOptions {
  readonly minConnections: number
  readonly maxConnections: number
}

/**
 * How many connections a destination should have (spec 5.3) while `queued` messages are for it,
 * those on their way included: never more than there are messages for, the floor apart.
 */
export function wantedConnections(queued: number, options: GrowthOptions): number {
  if (queued <= 0) return 0
  const grown = Math.ceil(options.maxConnections * (1 - Math.exp(-GROWTH_RATE * queued)))
  return Math.max(options.minConnections, Math.min(grown, queued))
}
