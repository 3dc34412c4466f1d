import {
  ALIASES,
  type Gateway,
  INTAKE,
  type Mail,
  NOT_COPIED,
  PARTNER,
  VIP_INTAKE,
  VIPS,
} from './plan'

/**
 * What must be true of one mail, whatever stands in its gateway and whatever its client does. This is
 * all of it: the mailboxes are believed, and where they have nothing, the ends of which that is
 * certain. It shares no line with the connector.
 */

/** What mailboxes, intakes and the log have of one mail, at the end. */
export interface Seen {
  /** Each time that it came to a mailbox: the address. */
  readonly mailboxes: readonly string[]
  /** For whom the mailbox server was sent it, and had not answered in time. */
  readonly unanswered: readonly string[]
  /** It was in Haraka's own queue. */
  readonly queuedHere: boolean
  readonly copies: readonly Copy[]
  /** Logged and counted: a copy could not be made. */
  readonly missed: boolean
}

export interface Copy {
  readonly intake: string
  readonly named: readonly string[]
}

/** What is wrong, one sentence each. */
export function judge(gateway: Gateway, mail: Mail, seen: Seen): string[] {
  return [...missing(gateway, mail, seen), ...tooMany(gateway, mail, seen)]
}

/** An original that reached a mailbox has its copy, or a counted, logged miss. */
function missing(gateway: Gateway, mail: Mail, seen: Seen): string[] {
  if (seen.missed) return []
  return distinct(seen.mailboxes).flatMap((mailbox) =>
    intakesFor(gateway, mail, mailbox)
      .filter((intake) => copiesWith(seen, mailbox, intake) === 0)
      .map((intake) => `${mailbox} has it, and no copy at ${intake} says so`),
  )
}

/** A copy names who has the mail, or of whom that can't be known, where it should, and once. */
function tooMany(gateway: Gateway, mail: Mail, seen: Seen): string[] {
  const named = seen.copies.flatMap(({ intake, named }) => named.map((name) => ({ intake, name })))
  return distinct(named.map(({ intake, name }) => `${name} ${intake}`)).flatMap((each) => {
    const [name = '', intake = ''] = each.split(' ')
    const times = seen.mailboxes.filter((mailbox) => mailbox === name).length
    if (!intakesFor(gateway, mail, name).includes(intake))
      return [`a copy at ${intake} names ${name}`]
    if (times === 0 && !isUnknown(mail, name, seen))
      return [`a copy at ${intake} names ${name}, who has nothing`]
    const copies = copiesWith(seen, name, intake)
    return copies > Math.max(1, times) ? [`${copies} copies at ${intake} name ${name}`] : []
  })
}

/** Which intakes have to hear of a mailbox: by each address that was asked for and leads there. */
function intakesFor(gateway: Gateway, mail: Mail, mailbox: string): string[] {
  const asked = mail.to
    .map((address) => address.toLowerCase())
    .filter((address) => {
      const aliased = gateway.aliases ? (ALIASES[plain(address)] ?? []) : []
      return address === mailbox || aliased.includes(mailbox)
    })
  return distinct(
    asked
      .filter((address) => isIncoming(mail, address))
      .map((address) => intakeOf(gateway, [mailbox, address].map(plain)))
      .filter((intake) => intake !== undefined),
  )
}

/**
 * For a client that may not relay, a recipient is incoming unless its domain is one that we relay for;
 * for one that may, none is. No recipient changes what another one gets.
 */
function isIncoming({ relayClient }: Mail, address: string): boolean {
  return !relayClient && !address.endsWith(`@${PARTNER}`)
}

/** The first policy that matches in one of both forms, the one asked for and the rewritten, decides. */
function intakeOf({ policies }: Gateway, forms: readonly string[]): string | undefined {
  if (policies === 'everybody') return INTAKE
  if (forms.some((form) => NOT_COPIED.includes(form))) return undefined
  return forms.some((form) => VIPS.includes(form)) ? VIP_INTAKE : INTAKE
}

/** Of somebody who has nothing: can it not be known that it is so? */
function isUnknown({ leaves }: Mail, name: string, seen: Seen): boolean {
  const hungUp = leaves === 'after the dot' || leaves === 'soon after the dot'
  return hungUp || seen.queuedHere || seen.unanswered.includes(name)
}

function copiesWith(seen: Seen, name: string, intake: string): number {
  return seen.copies.filter((copy) => copy.intake === intake && copy.named.includes(name)).length
}

/** A mailbox has many spellings: without its sub-address (RFC 5233). */
function plain(address: string): string {
  return address.replace(/\+[^@]*/, '')
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
