import assert from 'node:assert/strict'
import { WriteOrder } from './faults/r04-write-order'
import { systemCalls } from './faults/strace'

const UUID = '5A93A483-1C51-4201-9913-80045AE87CB9.1'
const REPLY = `250 2.0.0 Kept (${UUID})`

const WRITE = `7 pwrite64(20</queue/__tmp__.1>, "\\0\\0{\\"uuid\\":\\"${UUID}.tdc1\\"}"..., 900, 0) = 900`
const FSYNC = '7 fsync(20</queue/__tmp__.1>) = 0'
const RENAME = '7 rename("/queue/__tmp__.1", "/queue/1") = 0'
const DIRECTORY = '8 fsync(21</queue>) = 0'
const TOLD = `7 write(19<socket:[5]>, "250 2.0.0 Kept (${UUID})\\r\\n", 63) = 63`
const GOOD = [WRITE, FSYNC, RENAME, DIRECTORY, TOLD]

/** The oracle of the order of writing, on logs as strace writes them. */
describe('the order of writing', () => {
  const faultOf = (lines: readonly string[]) =>
    new WriteOrder(systemCalls(lines.join('\n'))).faultBefore(REPLY)

  it('is good', () => assert.equal(faultOf(GOOD), undefined))

  const without = (line: string) => GOOD.filter((each) => each !== line)
  const rows: [why: string, lines: readonly string[]][] = [
    ['its queue file was not written', without(WRITE)],
    ['no fsync of the file after its last write', without(FSYNC)],
    ['no fsync of the file after its last write', [FSYNC, ...without(FSYNC)]],
    ['its queue file was not renamed', without(RENAME)],
    [
      'the rename began before the fsync of the file was over',
      [WRITE, RENAME, FSYNC, DIRECTORY, TOLD],
    ],
    ['no fsync of the directory after the rename', without(DIRECTORY)],
    ['no fsync of the directory after the rename', [WRITE, FSYNC, DIRECTORY, RENAME, TOLD]],
    [
      'the 250 came before the fsync of the directory was over',
      [
        WRITE,
        FSYNC,
        RENAME,
        '8 fsync(21</queue> <unfinished ...>',
        TOLD,
        '8 <... fsync resumed>) = 0',
      ],
    ],
    ['its 250 is not in the log', without(TOLD)],
  ]
  for (const [why, lines] of rows) {
    it(`is not: ${why}`, () => assert.equal(faultOf(lines), why))
  }

  const SEGMENT = '21</queue/error.tdc/log/7.ab/1.log>'
  const OPENED = `7 openat(AT_FDCWD</>, "/queue/error.tdc/log/7.ab/1.log", O_WRONLY|O_DSYNC) = ${SEGMENT}`
  const RECORD = `7 pwritev(${SEGMENT}, [{iov_base="{\\"uuid\\":\\"${UUID}.tdc1\\"}", iov_len=900}], 1, 0) = 900`
  const inLog: [fault: string | undefined, lines: readonly string[]][] = [
    [undefined, [OPENED, RECORD, TOLD]],
    ['its record was written without a sync', [OPENED.replace('|O_DSYNC', ''), RECORD, TOLD]],
    ['its record was written without a sync', [RECORD, OPENED, TOLD]],
    ['the 250 came before its record was written', [OPENED, TOLD, RECORD]],
  ]
  for (const [fault, lines] of inLog) {
    it(`in the log: ${fault ?? 'is good'}`, () => assert.equal(faultOf(lines), fault))
  }

  it('counts only calls that succeeded', () => {
    const failing = GOOD.map((line) =>
      line === FSYNC ? line.replace('= 0', '= -1 EIO (x)') : line,
    )
    assert.equal(faultOf(failing), 'no fsync of the file after its last write')
  })
})
