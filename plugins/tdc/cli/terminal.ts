/** Where the program writes. Answers go to standard output, all else to standard error. */
export interface Terminal {
  print(lines: readonly string[]): void
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
      out.write(lines.map((line) => line + '\n').join(''))
    },
    progress(text) {
      if (!err.isTTY) return
      err.write(ERASE_LINE + text)
      shown = true
    },
    repaint(lines) {
      erase()
      const text = lines.map((line) => line + '\n').join('')
      out.write(out.isTTY ? HOME_AND_ERASE + text : text + '\n')
    },
  }
}
