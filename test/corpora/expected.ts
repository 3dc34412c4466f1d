/**
 * What a reader makes of the attached original: `identical`; `line ends` differ only, LF for CRLF or one
 * more at the end; `written anew`: other octets; `lost`: not found, or an error.
 */
export type Result = 'identical' | 'line ends' | 'written anew' | 'lost'

export interface Reader {
  /** How the program in adapters/ is run; it gets two folders more. */
  readonly command: readonly [program: string, ...args: string[]]
  /** Where it comes from: a package of the npm registry, with its version, or of Debian. */
  readonly npm?: string
  readonly debian?: string
  /** Of what is not from npm: the version that was seen. */
  readonly version?: string
  /** What it may make of an original, the best first. */
  readonly originals: readonly Result[]
  /** It names the recipients of all reports. */
  readonly text: boolean
  /** What users of it should mind. */
  readonly note?: string
}

const node = (name: string) => ['node', `${name}.js`] as const
const shell = (name: string) => ['bash', `${name}.sh`] as const

/** The readers that are run, with what was seen of the versions that are named. */
export const READERS: Readonly<Record<string, Reader>> = {
  mailparser: {
    command: node('mailparser'),
    npm: 'mailparser@3.14.2',
    originals: ['identical'],
    text: true,
  },
  mailsplit: {
    command: node('mailsplit'),
    npm: '@zone-eu/mailsplit@5.4.30',
    originals: ['identical'],
    text: true,
    note: 'with `ignoreEmbedded`',
  },
  'postal-mime': {
    command: node('postal-mime'),
    npm: 'postal-mime@4.0.0',
    originals: ['line ends'],
    text: true,
    note: 'with `forceRfc822Attachments`; line ends become LF, so that signatures are to be checked on CRLF',
  },
  'emailjs-mime-parser': {
    command: node('emailjs-mime-parser'),
    npm: 'emailjs-mime-parser@2.0.7',
    originals: ['line ends'],
    text: true,
    note: 'line ends become LF; throws on reports of more than some 125 KB',
  },
  letterparser: {
    command: node('letterparser'),
    npm: 'letterparser@0.1.8',
    originals: ['lost'],
    text: false,
    note: 'merges the attached message into the text: not for journals',
  },
  'Python email': {
    command: ['python3', 'python-email.py'],
    version: '3.11',
    originals: ['identical', 'line ends', 'written anew'],
    text: true,
    note: 'cut the part out of the octets in place of `as_bytes()`, which writes header lines anew',
  },
  GMime: {
    command: ['/usr/bin/python3', 'gmime.py'],
    debian: 'gir1.2-gmime-3.0',
    version: '3.2.13',
    originals: ['identical', 'line ends', 'written anew'],
    text: true,
    note: 'take the octets between the offsets of the part, not the DOM written out',
  },
  'Email::MIME': {
    command: ['perl', 'email-mime.pl'],
    debian: 'libemail-mime-perl',
    version: '1.953',
    originals: ['identical'],
    text: true,
  },
  'MIME::Parser': {
    command: ['perl', 'mime-parser.pl'],
    debian: 'libmime-tools-perl',
    version: '5.510',
    originals: ['identical', 'line ends'],
    text: true,
    note: 'with `extract_nested_messages(0)`',
  },
  'Mail::Message': {
    command: ['perl', 'mail-message.pl'],
    debian: 'libmail-box-perl',
    version: '3.012',
    originals: ['identical', 'line ends', 'written anew'],
    text: true,
  },
  'mail (Ruby)': {
    command: ['ruby', 'mail.rb'],
    debian: 'ruby-mail',
    version: '2.7.1',
    originals: ['identical'],
    text: true,
  },
  'mailparse (PHP)': {
    command: ['php', 'mailparse.php'],
    debian: 'php-mailparse',
    version: '3.1.4',
    originals: ['identical', 'line ends'],
    text: true,
    note: 'one line end too many, but where the message ends in blank lines',
  },
  reformime: {
    command: shell('reformime'),
    debian: 'maildrop',
    version: '2.9.3',
    originals: ['identical', 'line ends'],
    text: true,
    note: 'one line end too many, but where the message ends in blank lines',
  },
  mblaze: {
    command: shell('mblaze'),
    debian: 'mblaze',
    version: '1.1',
    originals: ['identical'],
    text: true,
  },
  munpack: {
    command: shell('munpack'),
    debian: 'mpack',
    version: '1.6',
    originals: ['lost'],
    text: true,
    note: 'opens the attached message in place of keeping it',
  },
  ripmime: {
    command: shell('ripmime'),
    debian: 'ripmime',
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
  const rows = Object.entries(READERS).map(
    ([name, { npm, version, originals, text, note = '' }]) => {
      const worst = originals[originals.length - 1] ?? 'lost'
      const seen = npm?.replace(/^.*@/, '') ?? version ?? ''
      return `| ${name} | ${seen} | ${WORDS[worst]} | ${text ? 'yes' : 'no'} | ${note} |`
    },
  )
  const head = ['| Reader | Version | Original | Recipients | Mind |', '| - | - | - | - | - |']
  return [...head, ...rows].join('\n')
}
