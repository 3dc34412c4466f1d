import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Sample, withLineEnds } from './generator'

/** One message or mbox longer than this, in octets, is left out: the gateway has its own limit. */
const LARGEST = 100 * 1024 * 1024

const FROM_LINE = /^From [^\r\n]*\r?\n/

/** The messages of a file or folder: `.eml` and Maildir files one each, mbox files cut apart. */
export function* messagesIn(path: string): Generator<Sample> {
  const stat = statSync(path)
  if (stat.isDirectory()) {
    // `tmp` of a Maildir holds what is not delivered yet.
    for (const name of readdirSync(path).sort()) {
      if (name.startsWith('.') || name === 'tmp') continue
      yield* messagesIn(join(path, name))
    }
  } else if (stat.isFile() && stat.size > 0 && stat.size <= LARGEST) {
    yield* messagesOf(basename(path), readFileSync(path))
  }
}

function* messagesOf(name: string, octets: Buffer): Generator<Sample> {
  if (!FROM_LINE.test(octets.toString('latin1', 0, 1000))) {
    yield { name, raw: withLineEnds(octets) }
    return
  }
  // RFC 4155: a line "From ..." behind a blank one begins the next message.
  const pieces = octets.toString('latin1').split(/(?<=\n\r?\n)(?=From [^\r\n]*\d{4}\r?\n)/)
  for (const [at, piece] of pieces.entries()) {
    const raw = Buffer.from(piece.replace(FROM_LINE, ''), 'latin1')
    yield { name: `${name}#${at}`, raw: withLineEnds(raw) }
  }
}
