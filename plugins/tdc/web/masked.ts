/** A local part, in quotes or not, before the @ and what follows it up to the next separator. */
const ADDRESS =
  /(?:"(?:[^"\\]|\\.){0,64}"|[^\s<>()[\]{},;:"'=@]{1,256})@([^\s<>()[\]{},;:"'@]{1,255})/g

/** A text in which addresses, and whatever looks like one, show their domain only. */
export function masked(text: string): string {
  return text.replace(ADDRESS, '***@$1')
}
