import type { Report } from './events'

/**
 * What takes an error of work that nobody waits for: a rejection that nobody takes ends Haraka, and
 * all mail with it. None is expected; each is a mistake of ours and told as one.
 */
export function mistakeIn(work: string, report: Report): (error: unknown) => void {
  return (error) => report({ kind: 'problem', text: `mistake in ${work}: ${String(error)}` })
}
