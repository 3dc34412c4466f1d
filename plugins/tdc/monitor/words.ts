import { safeText as safe } from '../base/text'
import type {
  Attempted,
  BounceResponse,
  Doubt,
  SharedChange,
  SharedTrouble,
  SkipReason,
  TdcEvent,
} from './events'

export const DOUBTS: Readonly<Record<Doubt, string>> = {
  unknown: 'the outcome of the original is not known',
  some: 'only some of the recipients have the original',
}

/** What was decided of a message, for tracking. */
export function decidedText({
  routes,
  rewritten = [],
  verdicts = [],
}: Extract<TdcEvent, { kind: 'decided' }>): string {
  const copies = routes.map(
    ({ intake, recipients, policies }) =>
      `copy to ${safe(intake)} for ${counted(recipients, 'recipient')} ` +
      `by policy ${policies.map(safe).join(', ')}`,
  )
  const shown = rewritten.slice(0, REWRITTEN_SHOWN)
  const changes = shown.map(({ given, address }) => `${safe(given)} became ${safe(address)}`)
  const seen = verdicts.map(safe)
  return [...(routes.length > 0 ? copies : ['no copy']), ...changes, ...seen].join('; ')
}

/** Aliases that one step of tracking names. */
const REWRITTEN_SHOWN = 5

/** The appliance's form of a response, made safe. */
export function bounceText({ status, meaning, code, detail }: BounceResponse): string {
  return `${status} - ${meaning} ('${code}', ['${safe(detail)}'])`
}

/** Why there is no copy, in words. */
export function skipText(reason: SkipReason): string {
  switch (reason.token) {
    case 'disabled':
      return `the connector is disabled (${safe(reason.level)})`
    case 'outgoing':
      return 'outgoing mail'
    case 'quarantined':
      return 'quarantined'
    case 'discarded':
      return 'to be discarded'
    case 'to-intake':
      return 'addressed to a message intake address'
    case 'not-clean':
      return `not clean: ${safe(reason.rule)}`
    case 'own-report':
      return 'a journal report of this installation'
    case 'policy-no':
      return `policy ${reason.policies.map(safe).join(', ')} says no`
  }
}

export const TROUBLES: Readonly<Record<SharedTrouble, string>> = {
  away: 'Redis cannot be reached',
  nonsense: 'Redis holds something else in their place',
  refused: 'refused on this machine',
}

export function revisionText({ revision }: { revision: number }): string {
  return revision === 0 ? 'tdc.ini alone' : `revision ${revision}`
}

export function stayText(revision: number): string {
  return revision === 0 ? 'tdc.ini alone stays in force' : `revision ${revision} stays in force`
}

export function changeText({ author, values }: SharedChange): string {
  const texts = values.map(({ section, key, after }) =>
    after === null ? `[${section}] ${key} unset` : `[${section}] ${key}=${after}`,
  )
  return `, by ${safe(author)}: ${safe(texts.join(', '))}`
}

/** UTC, to the second. */
export function moment(ms: number): string {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 19)}Z` : 'unknown'
}

export function whereText({ domain }: { domain: string | undefined }): string {
  return domain === undefined ? 'all intakes' : safe(domain)
}

export function counted(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`
}

/** The first of them, and how many more. */
export function fewOf(all: readonly string[], most = 3): string {
  const shown = all.slice(0, most).map(safe).join(', ')
  return all.length > most ? `${shown} and ${all.length - most} more` : shown
}

/** Of the structured log formats. */
export function attemptFields({
  kind,
  mid,
  dcid,
  intake,
  messageId,
  attempts,
  age,
}: Attempted & { kind: string }) {
  return {
    mid: safe(mid),
    dcid,
    intake: safe(intake),
    message_id: safe(messageId),
    attempts,
    // Seconds, to the millisecond.
    age: Math.round(age) / 1000,
    result: kind,
  }
}
