import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { makeTerminal } from '../plugins/tdc/cli/terminal'

const ERASE = '\r\u001b[K'

/** A terminal, or a pipe, and what was written to its two outputs. */
function screen(isTTY: boolean) {
  const [out, err] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream.setEncoding('utf8'), { isTTY }),
  ) as unknown as [NodeJS.WriteStream, NodeJS.WriteStream]
  const text = (stream: NodeJS.WriteStream) => String(stream.read() ?? '')
  return { ...makeTerminal(out, err), out: () => text(out), err: () => text(err) }
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
