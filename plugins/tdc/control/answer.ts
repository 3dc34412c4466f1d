/** What comes of a request. `no`: it was understood, and the answer is a sentence that says no. */
export type Answer<T = unknown> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'no'; readonly why: string }

export function ok<T>(value: T): Answer<T> {
  return { kind: 'ok', value }
}

export function no(why: string): Answer<never> {
  return { kind: 'no', why }
}

export function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false
  const { kind, why } = value as { kind?: unknown; why?: unknown }
  return kind === 'ok' || (kind === 'no' && typeof why === 'string')
}
