/** What comes of a request. `no`: it was understood, and the answer is a sentence that says no. */
export type Answer<T = unknown> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'no'; readonly why: string }

export function ok<T>(value: T): Answer<T> {
  return { kind: 'ok', value }
}

export function no(why: string): Answer<never> {
  return { kind: 'no', why }
}

/** The value, or what `make` throws as the sentence that says no. */
export async function answerOf<T>(make: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    return ok(await make())
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** The value; throws the sentence that says no. */
export function valueOf<T>(answer: Answer<T>): T {
  if (answer.kind === 'no') throw new Error(answer.why)
  return answer.value
}

export function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false
  const { kind, why } = value as { kind?: unknown; why?: unknown }
  return kind === 'ok' || (kind === 'no' && typeof why === 'string')
}
