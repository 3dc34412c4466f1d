/** Castagnoli's polynomial, reversed (RFC 3720 section 12.1). */
const POLYNOMIAL = 0x82f63b78

/** Octets that are taken at a time, each by a table of its own. */
const AT_ONCE = 8

const TABLES = tables()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  ...[Int32Array, Int32Array, Int32Array, Int32Array],
  ...[Int32Array, Int32Array, Int32Array, Int32Array],
]

function tables(): Int32Array[] {
  const first = Int32Array.from({ length: 256 }, (_, octet) => {
    let rest = octet
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1
    return rest
  })
  const all = [first]
  for (let i = 1; i < AT_ONCE; i++) {
    const before = all[i - 1] ?? first
    all.push(before.map((rest) => (first[rest & 255] ?? 0) ^ (rest >>> 8)))
  }
  return all
}

/**
 * CRC32C of `bytes`, going on from that of what stands before them. Node's zlib has a CRC from 20.15 and
 * 22.2 on only, and another one.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let rest = ~before
  const { length } = bytes
  const even = length - (length % AT_ONCE)
  let at = 0
  // What a typed array is asked for within its length is a number.
  for (; at < even; at += AT_ONCE) {
    const low =
      rest ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    rest =
      T7[low & 255]! ^
      T6[(low >>> 8) & 255]! ^
      T5[(low >>> 16) & 255]! ^
      T4[low >>> 24]! ^
      T3[bytes[at + 4]!]! ^
      T2[bytes[at + 5]!]! ^
      T1[bytes[at + 6]!]! ^
      T0[bytes[at + 7]!]!
  }
  for (; at < length; at++) rest = T0[(rest ^ bytes[at]!) & 255]! ^ (rest >>> 8)
  return ~rest >>> 0
}
