/** 128 bits: the sender writes the original, so the boundary must be beyond guessing. */
const RANDOM_OCTETS = 16

/** Letters, digits, `_` and `.` only: what every known reader takes (RFC 2046 5.1.1 allows more). */
export function newBoundary(random: (bytes: number) => Buffer): string {
  return `_tdc.${random(RANDOM_OCTETS).toString('hex')}_`
}
