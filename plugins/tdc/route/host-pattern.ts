/**
 * Whether a host is meant by a pattern: a name, or `*.` and a name, which stands for exactly one
 * label more (RFC 8461 section 4.1). Both in ASCII and lower case, without the final dot.
 */
export function matchesHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  const dot = host.indexOf('.')
  return dot > 0 && host.slice(dot) === pattern.slice(1)
}
