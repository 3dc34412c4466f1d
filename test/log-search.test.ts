import assert from 'node:assert/strict'
import { LogSearch, parseLogLine } from '../plugins/tdc/cli/log-search'
import { Dice } from './support/dice'

const A = '6F1A4E4C-0B4E-4D3F-9C1D-AAAAAAAAAAAA'
const B = '6F1A4E4C-0B4E-4D3F-9C1D-BBBBBBBBBBBB'

const LOG = [
  `[NOTICE] [${A}.1] [core] recipient <bob@example.com> code=OK`,
  `[NOTICE] [${B}.1] [core] recipient <eve@example.com> code=OK`,
  `[INFO] [${B}.1] [tdc] TDC: Message ${B}.1 from <ann@x> not copied for 1 recipient: outgoing mail`,
  `[INFO] [${A}.1.tdc1] [tdc] TDC: MID ${A}.1.tdc1 with Message-ID '<1@x>' enqueued for forwarding`,
  `[INFO] [-] [tdc] DCID 1 TLS success protocol TLSv1.3 cipher x`,
  `[INFO] [${A}.1.tdc1] [tdc] Message finished MID ${A}.1.tdc1 done`,
]

function search(wanted: string, lines: readonly string[] = LOG): string[] {
  const found = new LogSearch(wanted)
  return lines.flatMap((line) => found.take(line)?.text ?? [])
}

describe('a message in the log', () => {
  const ENQUEUED = `TDC: MID ${A}.1.tdc1 with Message-ID '<1@x>' enqueued for forwarding`
  const DONE = `Message finished MID ${A}.1.tdc1 done`
  const WANTED: [string, string, string[]][] = [
    ['MID', `${A}.1.tdc1`, [ENQUEUED, DONE]],
    ['transaction, in any case', `${A}.1`.toLowerCase(), [ENQUEUED, DONE]],
    ['Message-ID', '<1@x>', [ENQUEUED, DONE]],
    ['recipient, by the lines of Haraka', 'bob@example.com', [ENQUEUED, DONE]],
    [
      'sender of one that was not copied',
      'ann@x',
      [`TDC: Message ${B}.1 from <ann@x> not copied for 1 recipient: outgoing mail`],
    ],
    ['nothing', '', []],
    ['what is not there', 'nobody@example.com', []],
  ]
  for (const [what, wanted, expected] of WANTED) {
    it(`is found by its ${what}`, () => assert.deepEqual(search(wanted), expected))
  }

  const FORMATS: [string, string, string][] = [
    ['as it is', `[INFO] [${A}.1] [tdc] hello [x] y`, ''],
    [
      'behind a timestamp',
      `2026-11-21T03:00:00.000Z [INFO] [${A}.1] [tdc] hello [x] y`,
      '2026-11-21T03:00:00.000Z',
    ],
    [
      'behind syslog',
      `Nov 21 03:00:00 mx haraka[7]: [INFO] [${A}.1] [tdc] hello [x] y`,
      'Nov 21 03:00:00 mx haraka[7]:',
    ],
    ['as JSON', `{"level":"INFO","uuid":"${A}.1","origin":"tdc","message":"hello [x] y"}`, ''],
    ['as logfmt', `level=INFO uuid=${A}.1 origin=tdc message="hello [x] y"`, ''],
  ]
  for (const [what, line, time] of FORMATS) {
    it(`is read ${what}`, () => {
      assert.deepEqual(parseLogLine(line), {
        time,
        uuid: `${A}.1`,
        origin: 'tdc',
        text: 'hello [x] y',
      })
    })
  }

  it('shows nothing that moves a terminal', () => {
    const [text] = search(A + '.1', [`[INFO] [${A}.1] [tdc] a\u001b[2Jb tdc`])
    assert.equal(text, 'a [2Jb tdc')
  })

  it('no line breaks the reader', () => {
    const dice = Dice.thrown('log lines')
    const pieces = [
      '[INFO] ',
      '[',
      ']',
      `[${A}.1]`,
      ' [tdc] ',
      '{',
      '}',
      '"',
      'level=',
      'uuid=',
      '\\',
    ]
    for (let i = 0; i < 3000; i++) {
      const line =
        dice.next() < 0.5
          ? dice.octets(80).toString('latin1')
          : dice.list(12, () => dice.pick(pieces)).join('')
      const step = new LogSearch(dice.pick([A + '.1', 'tdc', '[', ''])).take(line)
      if (step) assert.equal(typeof step.text, 'string')
    }
  })
})
