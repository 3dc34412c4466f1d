import type { IncomingDomains } from './incoming'
import type { IntakeBook } from './intake'
import type { Choice, Policies } from './policies'
import { type Problems, shown } from './problems'
import type { DeliverySettings, Effective } from './settings'
import type { Overlooked } from './source'

/** A file of another kind, such as UTF-16, has hundreds. */
const LINES_SHOWN = 5

/** What only shows when levels and policies are seen together: is there an intake to send to? */
export function reviewIntakes(
  effective: Effective,
  { ordered, otherwise }: Policies,
  intakes: IntakeBook,
  problems: Problems,
): void {
  // A refused address is a problem already; what misses it would only be its echo.
  if (!effective.enabled || intakes.hasRefused) return
  const rows: readonly { section: string; choice: Choice }[] = [
    ...ordered,
    { section: 'policy.DEFAULT', choice: otherwise },
  ]
  const main = { section: 'main', key: 'intake_address' }
  const sending = rows.filter(({ choice }) => choice.kind !== 'no')
  if (!effective.intake) {
    for (const { section, choice } of rows) {
      if (choice.kind !== 'default') continue
      problems.refuse(
        { section, key: 'intake', value: choice.kind },
        'there is no default intake on this machine; set [main] intake_address',
      )
    }
    if (sending.length === 0) {
      problems.refuse(main, `is missing, while copies are enabled (${effective.level})`)
    }
  } else if (sending.length === 0) {
    problems.warn(
      { section: 'policy.DEFAULT', key: 'intake', value: 'no' },
      'copies are enabled, but no policy asks for any',
    )
  }
}

/** Policies below one for everything are never reached. */
export function warnOfUnreachable({ ordered }: Policies, problems: Problems): void {
  const all = ordered.findIndex(
    ({ senders, recipients }) => senders.kind === 'any' && recipients.kind === 'any',
  )
  if (all < 0) return
  for (const { section } of ordered.slice(all + 1)) {
    problems.warn(
      { section },
      `never matches: ${ordered[all]?.section} stands above it and takes all mail`,
    )
  }
}

/** Domains that a sentence names. */
const DOMAINS_SHOWN = 5

/** Mail for these has no copy: whoever does not know that may think that it has. */
export function warnOfOutgoing({ outgoing }: IncomingDomains, problems: Problems): void {
  if (outgoing.length === 0) return
  const more = outgoing.length - DOMAINS_SHOWN
  const names = outgoing.slice(0, DOMAINS_SHOWN).map(shown).join(', ')
  problems.warn(
    { section: 'main', key: 'incoming_domains' },
    `mail for ${names}${more > 0 ? ` and ${more} more` : ''} is relayed, outgoing, and not copied; ` +
      'name those here that are to be',
  )
}

/** Values that are right one by one and wrong, or doubtful, together. */
export function reviewDelivery(
  delivery: DeliverySettings,
  untrustedDns: string | undefined,
  problems: Problems,
): void {
  const { minConnections, maxConnections, retryDelay, maxAge, route, tls } = delivery
  const section = 'delivery'
  if (minConnections > maxConnections) {
    problems.refuse(
      { section, key: 'min_connections', value: minConnections },
      `must not be more than max_connections=${maxConnections}`,
    )
  }
  if (retryDelay >= maxAge) {
    problems.warn(
      { section, key: 'retry_delay', value: retryDelay / 1000 },
      'is not below max_age: no copy lives to see a retry',
    )
  }
  if (route) {
    problems.warn(
      { section, key: 'route', value: `${route.host}:${route.port}` },
      'all copies go to this host, and no MX is looked up',
    )
  }
  if (route && tls.dane === 'require') {
    problems.refuse(
      { section: 'tls', key: 'dane', value: 'require' },
      'cannot be had with [delivery] route, for which no DNS is asked',
    )
  }
  if (tls.dane === 'require' && !tls.resolver && untrustedDns !== undefined) {
    problems.warn(
      { section: 'tls', key: 'dane', value: 'require' },
      `no copy can be sent: ${untrustedDns}, and [tls] resolver names none`,
    )
  }
  if (!tls.verify) {
    problems.warn(
      { section: 'tls', key: 'verify', value: false },
      tls.pins.length > 0
        ? 'of certificates the pin alone is looked at, not chain, name and dates'
        : 'certificates are not verified; anyone on the way can read the copies',
    )
  }
}

/** A setting that the parser drops without a word would be off, and nobody knew. */
export function reviewOverlooked(overlooked: readonly Overlooked[], problems: Problems): void {
  const strays = overlooked.filter((found) => found.kind === 'stray-line')
  for (const { section, number, firstWord } of strays.slice(0, LINES_SHOWN)) {
    problems.refuse(
      { section },
      `line ${number}, ${shown(firstWord)} ..., is neither a [section] nor key=value nor a comment`,
    )
  }
  const [first, more] = [strays[0], strays.length - LINES_SHOWN]
  if (first && more > 0) {
    problems.refuse({ section: first.section }, `${more} more lines are; is the file UTF-8 text?`)
  }
  for (const found of overlooked) {
    if (found.kind !== 'double-key') continue
    // Of the file, also where the machines share the key.
    const { section, key } = found
    problems.warn({ section }, `${shown(key)} stands there more than once; the last one counts`)
  }
}
