/**
 * Is the original in a copy what the mailbox got, octet by octet? Nothing here is the product's: texts
 * are latin1, one character an octet.
 */

/** What may be on top of the original, and must be its only field of that name. */
const CLIENT = 'X-IronPort-RemoteIP'
const CSE = ['X-CSE-ClientIP', 'X-CSE-MailFrom', 'X-CSE-RcptTo', 'X-CSE-MsgDirection']
const OWN = ['X-Haraka-TDC', 'X-TDC-Normalized', 'X-TDC-Leading-Fold', 'X-TDC-Replayed']

/** undefined: identical; else what differs, in words. */
export function differenceInJournal(
  original: Buffer,
  copy: Buffer,
  ip: string,
): string | undefined {
  const text = copy.toString('latin1')
  const boundary = /^Content-Type: multipart\/mixed;\r\n\tboundary="([^"\r\n]+)"\r$/m.exec(
    text,
  )?.[1]
  if (boundary === undefined) return 'the report has no boundary'
  const parts = text.split(`\r\n--${boundary}`)
  if (parts.length !== 4) return `the report has ${parts.length - 2} parts`
  const attached = /^\r\nContent-Type: message\/rfc822\r\n(?:[^\r\n]+\r\n)*\r\n([^]*)$/.exec(
    parts[2] as string,
  )?.[1]
  if (attached === undefined) return 'the second part is no message/rfc822'
  const top = `${CLIENT}: ${ip}\r\n`
  if (!attached.startsWith(top)) return `the original does not begin with ${CLIENT}`
  return firstDifference(without(asSent(original), [CLIENT]), unguarded(attached.slice(top.length)))
}

export function differenceInPlainCopy(original: Buffer, copy: Buffer): string | undefined {
  const text = copy.toString('latin1')
  const own = /^X-CSE-ClientIP: [^]*?\r\nX-Haraka-TDC: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*/.exec(
    text,
  )?.[0]
  if (own === undefined) return 'the fields of the plain copy are not on top'
  return firstDifference(
    without(asSent(original), [...CSE, ...OWN]),
    unguarded(text.slice(own.length)),
  )
}

/** A bare CR cannot be sent: before a line end it is part of it, elsewhere a blank. */
function asSent(original: Buffer): string {
  return original
    .toString('latin1')
    .replace(/\r+\n/g, '\r\n')
    .replace(/\r(?!\n)/g, ' ')
}

/** The message without the fields of these names, however their names are dressed. */
function without(message: string, names: readonly string[]): string {
  const end = /(?:^|\r\n)\r\n/.exec(message)
  const header = end ? message.slice(0, end.index + (end.index ? 2 : 0)) : message
  const fields = header.match(/[^\r]*\r\n(?:[ \t][^\r]*\r\n)*/g) ?? []
  const wanted = fields.filter((field) => {
    const name = /^[\0-\x20\x7f]*([^:]*?)[\0-\x20\x7f]*:/.exec(field)?.[1]?.toLowerCase()
    return !names.some((each) => each.toLowerCase() === name)
  })
  return wanted.join('') + message.slice(header.length)
}

/** Without the field, and the mark of it, that keep an original's first line from being a continuation. */
function unguarded(message: string): string {
  return message.replace(/^(?:X-TDC-[A-Za-z-]+: [^\r]*\r\n)+/, '')
}

function firstDifference(wanted: string, seen: string): string | undefined {
  if (wanted === seen) return undefined
  let at = 0
  while (at < wanted.length && wanted[at] === seen[at]) at++
  const show = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 40))
  return `at octet ${at} of ${wanted.length}/${seen.length}: mailbox ${show(wanted)}, copy ${show(seen)}`
}
