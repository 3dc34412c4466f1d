/** A local part (RFC 5321 section 4.1.2), in quotes or not, or what looks like one. */
const LOCAL_PART = /(?:"(?:[^"\\]|\\.){0,64}"|[^\s<>()[\],;:"]{1,1000})@/g

/** A text in which addresses, and whatever looks like one, show their domain only. */
export function masked(text: string): string {
  return text.includes('@') ? text.replace(LOCAL_PART, '***@') : text
}
