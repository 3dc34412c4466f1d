import { createInterface } from 'node:readline'
import { withoutUnsafe } from '../base/text'

/**
 * Where the program writes. Answers go to standard output, all else to standard error. Whoever wrote
 * what is shown, the sender of a mail, an intake, another user's server or Redis: nothing of it acts.
 */
export interface Terminal {
  print(lines: readonly string[]): void
  /** One sentence that says what went wrong. */
  complain(text: string): void
  /** One line of what is being done, on a terminal only; the next one takes its place. */
  progress(text: string): void
  /** What is answered to a question, yes or no; undefined: nobody can be asked. */
  agreed(question: string): Promise<boolean | undefined>
  /** Takes the screen for one more picture of it. */
  repaint(lines: readonly string[]): void
}

const ERASE_LINE = '\r\u001b[K'
const HOME_AND_ERASE = '\u001b[H\u001b[J'

export function makeTerminal(
  input: NodeJS.ReadStream,
  out: NodeJS.WriteStream,
  err: NodeJS.WriteStream,
): Terminal {
  out.on('error', (error: NodeJS.ErrnoException) => {
    // `haraka-tdc ... | head` closes the pipe: there is nobody left to tell.
    if (error.code === 'EPIPE') process.exit(0)
    err.write(`haraka-tdc: the answer cannot be written: ${withoutUnsafe(error.message)}\n`)
    process.exit(1)
  })
  let shown = false
  const erase = (): void => {
    if (shown) err.write(ERASE_LINE)
    shown = false
  }
  return {
    print(lines) {
      erase()
      out.write(textOf(out.isTTY ? lines.flatMap((line) => folded(line, out.columns)) : lines))
    },
    complain(text) {
      erase()
      err.write(textOf([text]))
    },
    progress(text) {
      if (!err.isTTY) return
      err.write(ERASE_LINE + withoutUnsafe(text))
      shown = true
    },
    async agreed(question) {
      erase()
      if (!input.isTTY || !err.isTTY) return undefined
      const lines = createInterface({ input, output: err })
      try {
        const answer = new Promise<string>((resolve) => {
          lines.once('close', () => resolve(''))
          lines.question(`${withoutUnsafe(question)} [y/N] `, resolve)
        })
        return /^y(?:es)?$/i.test((await answer).trim())
      } finally {
        lines.close()
      }
    },
    repaint(lines) {
      erase()
      const text = textOf(lines)
      out.write(out.isTTY ? HOME_AND_ERASE + text : text + '\n')
    },
  }
}

/** Columns of what goes on in the next line. */
const INDENT = 4

/** A line as a terminal of so many columns shows it: it goes on in the next one behind a blank. */
function folded(line: string, columns: number): string[] {
  const lines: string[] = []
  let rest = line
  while (columns > 2 * INDENT && rest.length > columns) {
    // What has no blank, such as a MID, stays whole: somebody wants to copy it.
    const before = rest.lastIndexOf(' ', columns)
    const at = before > INDENT ? before : rest.indexOf(' ', columns)
    if (at < 0) break
    lines.push(rest.slice(0, at).trimEnd())
    rest = ' '.repeat(INDENT) + rest.slice(at).trimStart()
  }
  return [...lines, rest]
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => withoutUnsafe(line) + '\n').join('')
}

/** Columns of text, two blanks apart; numbers stand to the right. No line ends in blanks. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) {
      widths[at] = Math.max(widths[at] ?? 0, String(cell).length)
    }
  }
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}
