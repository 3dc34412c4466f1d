import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** A real program that reads mail, as a journal's consumers do. */
export interface Reader {
  readonly name: string
  readonly command: readonly [program: string, script: string]
  /** The Debian package that has it; undefined: one of npm, by the reader's name. */
  readonly debian?: string
}

/** What a reader says of one message. */
export interface Seen {
  /** Of each header field with the name that was asked for, in order. */
  readonly values?: readonly string[]
  /** As it shows it to a person. */
  readonly subject?: string | null
  /** Of a report: its text part, and the attached message as the reader gives it back, in base64. */
  readonly text?: string | null
  readonly original?: string | null
  readonly error?: string
}

export interface Reading {
  readonly version: string
  readonly seen: readonly Seen[]
}

const node = (name: string): Reader => ({
  name,
  command: [process.execPath, 'node-readers.mjs'],
})

/** Debian's own Python has the modules of Debian's packages. */
const PYTHON = '/usr/bin/python3'

const perl = (name: string, debian: string): Reader => ({
  name,
  command: ['perl', 'perl-readers.pl'],
  debian,
})

const command = (name: string, debian = name): Reader => ({
  name,
  command: [PYTHON, 'command_readers.py'],
  debian,
})

export const READERS = {
  mailparser: node('mailparser'),
  mailsplit: node('@zone-eu/mailsplit'),
  'postal-mime': node('postal-mime'),
  'emailjs-mime-parser': node('emailjs-mime-parser'),
  letterparser: node('letterparser'),
  'Python email': {
    name: 'python-compat32',
    command: [PYTHON, 'python_email.py'],
    debian: 'python3',
  },
  'Python email, default policy': {
    name: 'python-default',
    command: [PYTHON, 'python_email.py'],
    debian: 'python3',
  },
  GMime: { name: 'GMime', command: [PYTHON, 'gmime.py'], debian: 'python3-gi gir1.2-gmime-3.0' },
  'Email::MIME': perl('Email::MIME', 'libemail-mime-perl'),
  'MIME::Parser': perl('MIME::Parser', 'libmime-tools-perl'),
  'Mail::Message': perl('Mail::Message', 'libmail-box-perl'),
  'mail (Ruby)': { name: 'ruby-mail', command: ['ruby', 'ruby_mail.rb'], debian: 'ruby-mail' },
  'mailparse (PHP)': {
    name: 'php-mailparse',
    command: ['php', 'mailparse.php'],
    debian: 'php-mailparse',
  },
  reformime: command('reformime', 'maildrop'),
  mblaze: command('mblaze'),
  munpack: command('munpack', 'mpack'),
  ripmime: command('ripmime'),
} as const satisfies Readonly<Record<string, Reader>>

/** Where the programs stand. */
export const PROGRAMS = join(__dirname, 'programs')

/**
 * What a reader sees of each message. Its program gets the reader's and the header's name, and on its
 * standard input one message a line, in base64; it prints its version and, for each, one `Seen` in JSON.
 */
export function readAll(
  { name, command: [program, script] }: Reader,
  headerName: string,
  messages: readonly Buffer[],
  programs = PROGRAMS,
): Promise<Reading> {
  const child = spawn(program, [join(programs, script), name, headerName])
  const printed = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (printed[stream] += text))
  }
  // A program that is gone says so by what it printed.
  child.stdin.on('error', () => {})
  child.stdin.end(messages.map((message) => `${message.toString('base64')}\n`).join(''))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => {
      const [version = '""', ...seen] = printed.stdout.split('\n').filter((line) => line !== '')
      if (seen.length !== messages.length) {
        reject(new Error(`${name}: ${seen.length} of ${messages.length}: ${printed.stderr}`))
        return
      }
      resolve({
        version: JSON.parse(version) as string,
        seen: seen.map((line) => JSON.parse(line) as Seen),
      })
    })
  })
}

/** Why a reader cannot be asked here, in one line; undefined: it can. */
export async function whatIsMissing(reader: Reader): Promise<string | undefined> {
  try {
    const {
      seen: [seen],
    } = await readAll(reader, 'X-A', [Buffer.from('X-A: b\r\nSubject: c\r\n\r\nd\r\n')])
    if (seen?.values?.[0]?.trim() === 'b') return undefined
    return `${reader.name} does not read a plain message: ${JSON.stringify(seen)}`
  } catch (error) {
    const { debian } = reader
    if (debian === undefined) throw error
    return `${reader.name} is not installed (Debian: apt-get install ${debian})`
  }
}
