import type { READERS } from './readers'

/**
 * What a reader makes of the attached original: `identical`; `line ends` differ only, LF for CRLF or one
 * more at the end; `written anew`: other octets; `lost`: not found, or an error.
 */
export type Result = 'identical' | 'line ends' | 'written anew' | 'lost'

export interface Expected {
  /** A package of the npm registry, with its version; of what is Debian's, the version that was seen. */
  readonly npm?: string
  readonly version?: string
  /** What it may make of an original, the best first. */
  readonly originals: readonly Result[]
  /** It names the recipients of all reports. */
  readonly text: boolean
  /** What users of it should mind. */
  readonly note?: string
}

/** The readers that are run, with what was seen of the versions that are named. */
export const EXPECTED: Readonly<Partial<Record<keyof typeof READERS, Expected>>> = {
  mailparser: {
    npm: 'mailparser@3.14.2',
    originals: ['identical'],
    text: true,
  },
  mailsplit: {
    npm: '@zone-eu/mailsplit@5.4.30',
    originals: ['identical'],
    text: true,
    note: 'with `ignoreEmbedded`',
  },
  'postal-mime': {
    npm: 'postal-mime@4.0.0',
    originals: ['line ends'],
    text: true,
    note: 'with `forceRfc822Attachments`; line ends become LF, so that signatures are to be checked on CRLF',
  },
  'emailjs-mime-parser': {
    npm: 'emailjs-mime-parser@2.0.7',
    originals: ['line ends'],
    text: true,
    note: 'line ends become LF; throws on reports of more than some 125 KB',
  },
  letterparser: {
    npm: 'letterparser@0.1.8',
    originals: ['lost'],
    text: false,
    note: 'merges the attached message into the text: not for journals',
  },
  'Python email': {
    version: '3.11',
    originals: ['identical', 'line ends', 'written anew'],
    text: true,
    note: 'cut the part out of the octets in place of `as_bytes()`, which writes header lines anew',
  },
  GMime: {
    version: '3.2.13',
    originals: ['identical', 'line ends', 'written anew'],
    text: true,
    note: 'take the octets between the offsets of the part, not the DOM written out',
  },
  'Email::MIME': {
    version: '1.953',
    originals: ['identical'],
    text: true,
  },
  'MIME::Parser': {
    version: '5.510',
    originals: ['identical', 'line ends'],
    text: true,
    note: 'with `extract_nested_messages(0)`',
  },
  'Mail::Message': {
    version: '3.012',
    originals: ['identical', 'line ends', 'written anew'],
    text: true,
  },
  'mail (Ruby)': {
    version: '2.7.1',
    originals: ['identical'],
    text: true,
  },
  'mailparse (PHP)': {
    version: '3.1.4',
    originals: ['identical', 'line ends'],
    text: true,
    note: 'one line end too many, but where the message ends in blank lines',
  },
  reformime: {
    version: '2.9.3',
    originals: ['identical', 'line ends'],
    text: true,
    note: 'one line end too many, but where the message ends in blank lines',
  },
  mblaze: {
    version: '1.1',
    originals: ['identical'],
    text: true,
  },
  munpack: {
    version: '1.6',
    originals: ['lost'],
    text: true,
    note: 'opens the attached message in place of keeping it',
  },
  ripmime: {
    version: '1.4.0.10',
    originals: ['lost'],
    text: false,
    note: 'opens the attached message in place of keeping it',
  },
}

const WORDS: Readonly<Record<Result, string>> = {
  identical: 'octet by octet',
  'line ends': 'but for line ends',
  'written anew': 'written anew in part',
  lost: '-',
}

/** The table of docs/readers.md. */
export function readersTable(): string {
  const rows = Object.entries(EXPECTED).map(
    ([name, { npm, version, originals, text, note = '' }]) => {
      const worst = originals[originals.length - 1] ?? 'lost'
      const seen = npm?.replace(/^.*@/, '') ?? version ?? ''
      return `| ${name} | ${seen} | ${WORDS[worst]} | ${text ? 'yes' : 'no'} | ${note} |`
    },
  )
  const head = ['| Reader | Version | Original | Recipients | Mind |', '| - | - | - | - | - |']
  return [...head, ...rows].join('\n')
}
