import type { Sought } from '../base/sought'
import { systemClock } from '../clock'
import type { Listing } from '../control/request'
import { nearest } from '../settings/problems'
import { type Call, EXIT, meant, type Options, Stop } from './command'
import { momentOf } from './moments'
import { valueFrom } from './server'

/** How one command lists what it finds. */
interface Kind {
  /** Words for `--sort`, the usual one first. */
  readonly sorts: Readonly<Record<string, unknown>>
  /** Shown when nothing else is said, and at the most. */
  readonly usual: number
  readonly most: number
}

const TEXT = { type: 'string' } as const

/** What a command asks for, each with its line of help. */
const OPTIONS = {
  intake: '--intake ADDRESS     for this intake address, or its domain',
  sender: '--sender ADDRESS     from this address, or domain; <> is the null sender',
  recipient: '--recipient ADDRESS  to this address, or domain',
  since:
    '--since TIME         of the last time, such as 90s, 30m, 1h, 2d, or since 2026-11-21T03:00',
  reason: '--reason REASON      given up for this: tls-error, hard-bounce or expired',
  sort: '',
  most: '',
} as const

type Name = keyof typeof OPTIONS

/** Options of a command that lists or picks copies or messages, and what its help says of them. */
export function seeking(names: readonly Name[], kind?: Kind): { options: Options; help: string[] } {
  const listing: readonly Name[] = kind ? ['sort', 'most'] : []
  return {
    options: {
      ...Object.fromEntries([...names, ...listing].map((name) => [name, TEXT])),
      ...(kind && { sort: { ...TEXT, words: Object.keys(kind.sorts) } }),
    },
    help: [
      ...names.map((name) => OPTIONS[name]),
      ...(kind
        ? [
            `--sort ORDER         ${wordsOf(kind.sorts)}; the first by default`,
            `--most NUMBER        that are shown; ${kind.usual} by default, at most ${kind.most}`,
          ]
        : []),
    ],
  }
}

/** What the call asks for; a `Stop` when that is no time, or no address. */
export function soughtBy(call: Call): Sought {
  return {
    intake: textIn(call, 'intake'),
    sender: textIn(call, 'sender'),
    recipient: textIn(call, 'recipient'),
    since: sinceIn(call),
  }
}

/** What is wrong with an intake address or domain: the server knows of none; undefined: nothing. */
export async function intakeProblem(call: Call, intake: string): Promise<string | undefined> {
  const domain = intake.slice(intake.lastIndexOf('@') + 1).toLowerCase()
  const known = await valueFrom<readonly string[]>(call.directory(), { ask: 'intake-domains' })
  if (known.includes(domain)) return undefined
  const others = meant(nearest(domain, known)) || `; those are: ${known.join(', ') || 'none'}`
  return `no intake has the domain ${JSON.stringify(domain)}${others}`
}

/** A line to say so, where nothing was found. */
export async function nothingFor(call: Call, intake: string): Promise<string[]> {
  const problem = intake === '' || call.json ? undefined : await intakeProblem(call, intake)
  return problem === undefined ? [] : [problem]
}

export function listingBy(call: Call, { sorts, usual, most }: Kind): Listing {
  const sort = wordIn(call, 'sort', Object.keys(sorts))
  const wanted = Number(call.values['most'] ?? usual)
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > most) {
    const given = JSON.stringify(call.values['most'])
    throw new Stop(EXIT.usage, `--most must be a number from 1 to ${most}, not ${given}`)
  }
  return { sort, most: wanted }
}

/** The value of an option; '': it was not given. One of `words`. */
export function wordIn(call: Call, name: string, words: readonly string[]): string {
  const word = textIn(call, name)
  if (word === '' || words.includes(word)) return word
  const what = `--${name} must be one of ${words.join(', ')}, not ${JSON.stringify(word)}`
  throw new Stop(EXIT.usage, what + meant(nearest(word, words)))
}

export function textIn({ values }: Call, name: string): string {
  const value = values[name]
  return typeof value === 'string' ? value.trim() : ''
}

function sinceIn(call: Call): number {
  const text = textIn(call, 'since')
  if (text === '') return 0
  const moment = momentOf(text, systemClock.wall())
  if (moment !== undefined) return moment
  const must = 'must be a time that has passed, such as 30m, 1h or 2d, or 2026-11-21T03:00'
  throw new Stop(EXIT.usage, `--since ${must}, not ${JSON.stringify(text)}`)
}

function wordsOf(sorts: Readonly<Record<string, unknown>>): string {
  return Object.keys(sorts).join(', ')
}
