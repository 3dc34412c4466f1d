/** With one bit set of sixteen, one text of sixteen that is not there seems to be. */
const BITS_PER_TEXT = 16
const FEWEST_BITS = 1024

/** FNV-1a, 32 bits: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv section 5. */
export const FNV_OFFSET = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

/** The hash of a text with one more UTF-16 unit. */
export function hashOn(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME)
}

/** From the last unit to the first: every end of the text has its hash on the way. */
export function hashBackwards(text: string, hash = FNV_OFFSET): number {
  for (let at = text.length - 1; at >= 0; at--) hash = hashOn(hash, text.charCodeAt(at))
  return hash
}

/**
 * Says of most texts that are not in a set that they are not, from their hash alone: one bit in a
 * table that stays in the processor's cache, where a look-up in a large set is four reads or more
 * from memory. What seems to be there has to be looked up.
 */
export class Sieve {
  private readonly words: Uint32Array
  private readonly mask: number

  constructor(texts: number) {
    const bits = 2 ** Math.ceil(Math.log2(Math.max(FEWEST_BITS, texts * BITS_PER_TEXT)))
    this.words = new Uint32Array(bits / 32)
    this.mask = bits - 1
  }

  add(hash: number): void {
    const bit = this.bitOf(hash)
    const word = bit >>> 5
    this.words[word] = (this.words[word] as number) | (1 << (bit & 31))
  }

  mayHave(hash: number): boolean {
    const bit = this.bitOf(hash)
    return ((this.words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0
  }

  /** FNV mixes its high bits best. */
  private bitOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & this.mask
  }
}
