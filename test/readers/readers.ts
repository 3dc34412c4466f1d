import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Real programs that read mail, as a journal's consumers do. */
export interface Reader {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** The Debian package that has it; undefined: a development dependency. */
  readonly debian?: string
}

/** What a reader says of one message. */
export interface Seen {
  /** Of each header field with the name that was asked for, in order. */
  readonly values?: readonly string[]
  /** As it shows it to a person. */
  readonly subject?: string | null
  readonly error?: string
}

const node = (name: string): Reader => ({
  name,
  command: [process.execPath, 'node-readers.mjs'],
})

/** Debian's own Python has the modules of Debian's packages. */
const PYTHON = '/usr/bin/python3'

export const READERS: readonly Reader[] = [
  node('mailparser'),
  node('postal-mime'),
  node('emailjs-mime-parser'),
  node('letterparser'),
  { name: 'python-compat32', command: [PYTHON, 'python_email.py'], debian: 'python3' },
  { name: 'python-default', command: [PYTHON, 'python_email.py'], debian: 'python3' },
  { name: 'GMime', command: [PYTHON, 'gmime.py'], debian: 'python3-gi gir1.2-gmime-3.0' },
  { name: 'Email::MIME', command: ['perl', 'perl-readers.pl'], debian: 'libemail-mime-perl' },
  { name: 'MIME::Parser', command: ['perl', 'perl-readers.pl'], debian: 'libmime-tools-perl' },
  { name: 'ruby-mail', command: ['ruby', 'ruby_mail.rb'], debian: 'ruby-mail' },
  { name: 'php-mailparse', command: ['php', 'mailparse.php'], debian: 'php-mailparse' },
  { name: 'mblaze', command: [PYTHON, 'mblaze.py'], debian: 'mblaze' },
]

/**
 * What a reader sees of each message. Its program gets the reader's and the header's name, and on its
 * standard input one message a line, in base64; for each it prints one `Seen` in JSON.
 */
export function readAll(
  { name, command: [program, script = ''] }: Reader,
  headerName: string,
  messages: readonly Buffer[],
): Promise<readonly Seen[]> {
  const child = spawn(program, [join(__dirname, 'programs', script), name, headerName])
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
      const seen = printed.stdout.split('\n').filter((line) => line !== '')
      if (seen.length === messages.length) resolve(seen.map((line) => JSON.parse(line) as Seen))
      else reject(new Error(`${name}: ${seen.length} of ${messages.length}: ${printed.stderr}`))
    })
  })
}

/** Why a reader cannot be asked here, in one line; undefined: it can. */
export async function whatIsMissing(reader: Reader): Promise<string | undefined> {
  try {
    const [seen] = await readAll(reader, 'X-A', [Buffer.from('X-A: b\r\nSubject: c\r\n\r\nd\r\n')])
    if (seen?.values?.[0]?.trim() === 'b') return undefined
    return `${reader.name} does not read a plain message: ${JSON.stringify(seen)}`
  } catch (error) {
    const { debian } = reader
    if (debian === undefined) throw error
    return `${reader.name} is not installed (Debian: apt-get install ${debian})`
  }
}
