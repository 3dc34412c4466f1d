import type { Route } from '../decide/decision'
import { headerDomain } from '../journal/ascii-address'
import { safeId, signToken } from '../journal/loop-token'
import type { ReportFacts } from '../journal/report'
import type { Settings } from '../settings/settings'
import type { PlannedCopy } from './preparer'
import { bccWrapping, journalWrapping, type Random } from './wrapping'

/** What the copies of one message have in common. */
export interface PlanFacts extends Omit<ReportFacts, 'mid' | 'intake' | 'recipients'> {
  /** The transaction's uuid. */
  readonly transaction: string
  /** Copies of it that were planned before. */
  readonly before: number
  /** Its header holds raw UTF-8. */
  readonly internationalHeader: boolean
}

export interface PlanDeps {
  readonly settings: Settings
  readonly loopKey: Buffer
  readonly random: Random
}

/** One planned copy per route. Its MID begins with the transaction's uuid, so a search finds both. */
export function planCopies(
  routes: readonly Route[],
  facts: PlanFacts,
  deps: PlanDeps,
): PlannedCopy[] {
  return routes.map((route, i) => {
    const mid = `${facts.transaction}.tdc${facts.before + i + 1}`
    const report: ReportFacts = {
      ...facts,
      mid,
      intake: route.intake.address,
      recipients: route.recipients,
      given: route.given,
    }
    const { envelopeFrom } = deps.settings.delivery
    const asItIs = route.intake.format === 'bcc' && facts.internationalHeader
    return {
      mid,
      route,
      wrapping: wrappingOf(route, report, deps),
      reversePath: envelopeFrom,
      smtputf8: asItIs || !isAscii(route.intake.address) || !isAscii(envelopeFrom),
    }
  })
}

function wrappingOf(route: Route, report: ReportFacts, { settings, loopKey, random }: PlanDeps) {
  const { envelopeFrom } = settings.delivery
  const said = {
    id: safeId(report.mid),
    gateway: headerDomain(report.gateway),
    time: Math.floor(report.date / 1000),
  }
  const token = (lead: number, digest: string) =>
    signToken(loopKey, { ...said, lead, digest }, envelopeFrom)
  // What is refused has none.
  const bareCr = settings.journal.bareCr === 'crlf' ? 'crlf' : 'as_postfix'
  return route.intake.format === 'bcc'
    ? bccWrapping(report, { token, bareCr })
    : journalWrapping(report, { ...settings.journal, token, bareCr }, random)
}

function isAscii(text: string): boolean {
  return !/[^\u0000-\u007f]/.test(text)
}
