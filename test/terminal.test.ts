import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { safeJson } from '../plugins/tdc/base/text'
import { makeTerminal } from '../plugins/tdc/cli/terminal'

const ERASE = '\r\u001b[K'

/** A terminal, or a pipe, and what was written to its two outputs. */
function screen(isTTY: boolean, columns = 120) {
  const [input, out, err] = [new PassThrough(), new PassThrough(), new PassThrough()].map(
    (stream) => Object.assign(stream.setEncoding('utf8'), { isTTY, columns }),
  ) as unknown as [NodeJS.ReadStream & PassThrough, NodeJS.WriteStream, NodeJS.WriteStream]
  const text = (stream: NodeJS.WriteStream) => String(stream.read() ?? '')
  return {
    ...makeTerminal(input, out, err),
    ...{ type: (line: string) => input.end(line), out: () => text(out), err: () => text(err) },
  }
}

describe('the terminal of the command line', () => {
  it('shows what is being done in one line, which the answer takes away', () => {
    const terminal = screen(true)
    terminal.progress('haraka.log: 10,000 lines')
    terminal.progress('haraka.log: 20,000 lines')
    terminal.print(['found', 'twice'])
    terminal.print(['and no more'])
    assert.equal(
      terminal.err(),
      `${ERASE}haraka.log: 10,000 lines${ERASE}haraka.log: 20,000 lines${ERASE}`,
    )
    assert.equal(terminal.out(), 'found\ntwice\nand no more\n')
  })

  it('says nothing of it into a pipe', () => {
    const terminal = screen(false)
    terminal.progress('haraka.log: 10,000 lines')
    terminal.print(['found'])
    assert.deepEqual([terminal.out(), terminal.err()], ['found\n', ''])
  })

  it('folds long lines at blanks on a terminal, and not in a pipe', () => {
    const line = 'MID 1234567890123456789012345678901234567890  journal@scan.example  held'
    const terminal = screen(true, 30)
    terminal.print([line, 'short'])
    const shown = terminal.out().split('\n')
    assert.deepEqual(shown, [
      'MID 1234567890123456789012345678901234567890',
      '    journal@scan.example  held',
      'short',
      '',
    ])
    const pipe = screen(false)
    pipe.print([line])
    assert.equal(pipe.out(), `${line}\n`)
  })

  it('asks, where somebody can answer: only yes is yes', async () => {
    for (const [line, agreed] of [
      ['y\n', true],
      ['Yes\n', true],
      ['n\n', false],
      ['\n', false],
      ['', false],
      ['yellow\n', false],
    ] as const) {
      const terminal = screen(true)
      const answer = terminal.agreed('mx1 goes off; go on?')
      terminal.type(line)
      assert.equal(await answer, agreed, JSON.stringify(line))
      assert.match(terminal.err(), /mx1 goes off; go on\? \[y\/N\] /)
      assert.equal(terminal.out(), '')
    }
    const terminal = screen(false)
    assert.equal(await terminal.agreed('go on?'), undefined)
    assert.equal(terminal.err(), '')
  })

  it('lets nothing act that somebody else wrote, in answers, in progress and in complaints', () => {
    const evil = 'a\u001b[2Jb\u009b31mc\u202ed\u2028e\u007ff\ng\u061ch\ufeffi'
    const harmless = 'a [2Jb 31mc d e f g h i'
    const terminal = screen(true)
    terminal.print([evil])
    terminal.progress(evil)
    terminal.complain(evil)
    terminal.repaint([evil])
    assert.equal(terminal.out(), `${harmless}\n\u001b[H\u001b[J${harmless}\n`)
    assert.equal(terminal.err(), `${ERASE}${harmless}${ERASE}${harmless}\n`)
  })

  it('JSON says the same with escapes, in names as in values', () => {
    const value = { 'a\u009bb': ['\u202e', '\u001b[2J', '漢字 é', '\ud800', '\n'], c: { d: 1 } }
    const json = safeJson(value)
    assert.match(json, /^[\n\x20-\x7e漢字é]*$/)
    assert.deepEqual(JSON.parse(json), value)
  })

  it('paints each picture over the one before', () => {
    const terminal = screen(true)
    terminal.repaint(['1'])
    terminal.repaint(['2'])
    assert.equal(terminal.out(), '\u001b[H\u001b[J1\n\u001b[H\u001b[J2\n')
  })

  it('writes one picture after the other into a pipe, an empty line between', () => {
    const terminal = screen(false)
    terminal.repaint(['1'])
    terminal.repaint(['2'])
    assert.equal(terminal.out(), '1\n\n2\n\n')
  })
})
