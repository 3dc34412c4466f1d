import { randomFillSync } from 'node:crypto'

/** Octets that are asked for at a time: a few alone cost the processor as much. */
const DRAWN_AT_ONCE = 4_096

const drawn = Buffer.allocUnsafeSlow(DRAWN_AT_ONCE)
let used = DRAWN_AT_ONCE

/** So many octets that nobody can guess, up to `DRAWN_AT_ONCE`; each is given out once. */
export function someRandom(octets: number): Buffer {
  if (used + octets > DRAWN_AT_ONCE) {
    randomFillSync(drawn)
    used = 0
  }
  const begin = used
  used += octets
  return Buffer.from(drawn.subarray(begin, used))
}
