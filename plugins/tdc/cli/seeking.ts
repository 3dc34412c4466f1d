import type { Listing, Sought } from '../base/sought'
import { systemClock } from '../clock'
import { nearest } from '../settings/problems'
import { type Call, EXIT, meant, Stop, textOption } from './command'
import { momentOf } from './moments'
import { ask } from './server'

/** How one command lists what it finds. */
interface Kind {
  /** Words for `--sort`, the usual one first. */
  readonly sorts: Readonly<Record<string, unknown>>
  /** Shown when nothing else is said, and at the most. */
  readonly usual: number
  readonly most: number
}

/** What may be asked for. */
export const SEEK = {
  intake: textOption('ADDRESS', 'for this intake address, or its domain'),
  sender: textOption('ADDRESS', 'from this address, or domain; <> is the null sender'),
  recipient: textOption('ADDRESS', 'to this address, or domain'),
  since: textOption(
    'TIME',
    'of the last time, such as 90s, 30m, 1h, 2d, or since 2026-11-21T03:00',
  ),
}

/** Options of a command that lists what it finds. */
export function listing({ sorts, usual, most }: Kind) {
  const words = Object.keys(sorts)
  return {
    sort: { ...textOption('ORDER', `${words.join(', ')}; the first by default`), words },
    most: textOption('NUMBER', `that are shown; ${usual} by default, at most ${most}`),
  }
}

export function reasonOf(words: readonly string[]) {
  const help = 'given up for this: tls-error, hard-bounce or expired'
  return { reason: { ...textOption('REASON', help), words } }
}

/** What the call asks for; a `Stop` when that is no time. */
export function soughtBy(values: { readonly [N in keyof typeof SEEK]?: string }): Sought {
  const { intake = '', sender = '', recipient = '', since = '' } = values
  return { intake, sender, recipient, since: momentGiven(since) }
}

/** What is wrong with an intake address or domain: the server knows of none; undefined: nothing. */
export async function intakeProblem(
  call: Pick<Call, 'directory'>,
  intake: string,
): Promise<string | undefined> {
  const domain = intake.slice(intake.lastIndexOf('@') + 1).toLowerCase()
  const known = await ask(call, 'intake-domains', {})
  if (known.includes(domain)) return undefined
  const others = meant(nearest(domain, known)) || `; those are: ${known.join(', ') || 'none'}`
  return `no intake has the domain ${JSON.stringify(domain)}${others}`
}

/** A line to say so, where nothing was found. */
export async function nothingFor(
  call: Pick<Call, 'directory' | 'json'>,
  intake: string,
): Promise<string[]> {
  const problem = intake === '' || call.json ? undefined : await intakeProblem(call, intake)
  return problem === undefined ? [] : [problem]
}

export function listingBy(
  { sort, most: given }: { readonly sort: string; readonly most: string },
  { usual, most }: Kind,
): Listing {
  const wanted = given === '' ? usual : Number(given)
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > most) {
    const must = `--most must be a number from 1 to ${most}, not ${JSON.stringify(given)}`
    throw new Stop(EXIT.usage, must)
  }
  return { sort, most: wanted }
}

function momentGiven(given: string): number {
  if (given === '') return 0
  const moment = momentOf(given, systemClock.wall())
  if (moment !== undefined) return moment
  const must = 'must be a time that has passed, such as 30m, 1h or 2d, or 2026-11-21T03:00'
  throw new Stop(EXIT.usage, `--since ${must}, not ${JSON.stringify(given)}`)
}
