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
  /** Takes the screen for one more picture of it. */
  repaint(lines: readonly string[]): void
}

const ERASE_LINE = '\r\u001b[K'
const HOME_AND_ERASE = '\u001b[H\u001b[J'

export function makeTerminal(out: NodeJS.WriteStream, err: NodeJS.WriteStream): Terminal {
  // `haraka-tdc ... | head` closes the pipe: there is nobody left to tell.
  out.on('error', () => process.exit(0))
  let shown = false
  const erase = (): void => {
    if (shown) err.write(ERASE_LINE)
    shown = false
  }
  return {
    print(lines) {
      erase()
      out.write(textOf(lines))
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
    repaint(lines) {
      erase()
      const text = textOf(lines)
      out.write(out.isTTY ? HOME_AND_ERASE + text : text + '\n')
    },
  }
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => withoutUnsafe(line) + '\n').join('')
}
