/** Longest value from outside that a log line carries, in characters (spec 6). */
const LONGEST_VALUE = 256

/**
 * What could end a log line, move a terminal's cursor or turn text around: C0, DEL, C1, the line
 * and paragraph separators, and the bidirectional controls (Unicode TR 36, section 2.9). Haraka's
 * own logger takes out CR and LF only.
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** A lone half of a surrogate pair would break JSON log readers. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** A value from outside, fit for a log line: one line, nothing that acts, at most 256 characters. */
export function safeText(value: string): string {
  return value.slice(0, LONGEST_VALUE).replace(UNSAFE, ' ').replace(LONE_SURROGATE, '\ufffd')
}
