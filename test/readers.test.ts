import assert from 'node:assert/strict'
import { bccWrapping, journalWrapping, type Wrapping } from '../plugins/tdc/queue/wrapping'
import { subjectField } from '../plugins/tdc/journal/subject'
import { READERS, readAll, whatIsMissing } from './readers/readers'
import { BOUNDARY, OPTIONS, attached, factsWith, splitReport, stuff } from './support/journal'
import { SUBJECTS } from './support/subjects'

const OURS = '203.0.113.7'
const FORGED = '198.51.100.6'

/** Octets and sequences that somebody might take for white space, for a separator, or for nothing. */
const BESIDE: readonly string[] = [
  ...[...Array(0x21).keys(), 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xad, 0xff]
    .filter((octet) => octet !== 0x0a && octet !== 0x0d)
    .map((octet) => String.fromCharCode(octet)),
  ...'()<>[]:;@\\,."\'|/~',
  ...['\u00a0', '\u0085', '\u1680', '\u2003', '\u200b', '\u2028', '\u2029', '\u3000', '\ufeff'].map(
    (character) => Buffer.from(character).toString('latin1'),
  ),
  '\x0b\x0b',
  '\x0b \x1f',
]

const FORMS: readonly ((name: string, beside: string) => string)[] = [
  (name, beside) => `${beside}${name}: ${FORGED}`,
  (name, beside) => `${name}${beside}: ${FORGED}`,
  (name, beside) => `${name}${beside}${FORGED}`,
  (name, beside) => `${beside}\r\n ${name}: ${FORGED}`,
  (name, beside) => `${beside}\r\n${name}: ${FORGED}`,
  (name, beside) => `${name}\r\n${beside}: ${FORGED}`,
  (name, beside) => `${name}\r\n ${beside}: ${FORGED}`,
  (name, beside) => `Comments: x${beside}${name}: ${FORGED}`,
  (name, beside) => `${name.slice(0, 5)}${beside}${name.slice(5)}: ${FORGED}`,
  (name, beside) => `X-Foo${beside}bar\r\n${name}: ${FORGED}`,
]

interface Format {
  readonly format: string
  readonly name: string
  readonly wrapping: Wrapping
  /** What a reader of the copy takes for the original. */
  readonly original: (copy: Buffer) => Buffer
}

const facts = factsWith({ clientIp: OURS })
const random = () => Buffer.from(BOUNDARY.slice(5, -1), 'hex')
const FORMATS: readonly Format[] = [
  {
    format: 'journal',
    name: 'X-IronPort-RemoteIP',
    wrapping: journalWrapping(facts, OPTIONS, random),
    original: (copy) => attached(splitReport(copy)),
  },
  {
    format: 'bcc',
    name: 'X-CSE-ClientIP',
    wrapping: bccWrapping(facts, OPTIONS),
    original: (copy) => copy,
  },
]

function copyOf(wrapping: Wrapping, original: Buffer): Buffer {
  const pass = wrapping.begin()
  const first = pass.push(original)
  const { rest, traits } = pass.end()
  const copy = Buffer.concat([pass.head(traits), first, rest])
  assert.ok(copy.equals(stuff([copy])), 'these originals have no lines that begin with a dot')
  return copy
}

/** Originals with a forged field: as their first lines, and below others. */
function forgedOriginals(name: string): Buffer[] {
  return BESIDE.flatMap((beside) => FORMS.map((form) => form(name, beside))).flatMap((lines) => [
    Buffer.from(`${lines}\r\nSubject: s\r\n\r\nbody\r\n`, 'latin1'),
    Buffer.from(`Received: from a by b\r\n${lines}\r\nSubject: s\r\n\r\nbody\r\n`, 'latin1'),
  ])
}

describe('real readers', () => {
  // The others have no way to ask for a field, or for the subject as people see it.
  const unasked = ['mailsplit', 'Mail::Message', 'reformime', 'munpack', 'ripmime']
  for (const [name, reader] of Object.entries(READERS)) {
    if (unasked.includes(name)) continue
    describe(reader.name, function () {
      this.timeout(60_000)
      before(async function () {
        const missing = await whatIsMissing(reader)
        if (missing === undefined) return
        console.log(`      ${missing}`)
        this.skip()
      })

      for (const { format, name, wrapping, original } of FORMATS) {
        it(`see one ${name} in a copy in ${format} format, ours`, async () => {
          const originals = forgedOriginals(name).filter((bytes) => !/(^|\n)\./.test(`${bytes}`))
          const copies = originals.map((bytes) => original(copyOf(wrapping, bytes)))
          const { seen } = await readAll(reader, name, copies)
          const wrong = seen.flatMap(({ values, error }, i) => {
            const right = values?.length === 1 && values[0]?.trim() === OURS
            return right ? [] : [{ copy: copies[i]?.toString('latin1'), values, error }]
          })
          assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${copies.length}`)
        })
      }

      it('shows every subject of a report as it was meant', async () => {
        const reports = SUBJECTS.map(([, raw]) => Buffer.from(`${subjectField(raw)}\r\n\r\nx\r\n`))
        const { seen } = await readAll(reader, 'X-A', reports)
        const shown = seen.map(({ subject, error }, i) => [SUBJECTS[i]?.[0], subject ?? error])
        assert.deepEqual(
          shown,
          SUBJECTS.map(([what, , text]) => [what, text]),
        )
      })

      it('sees a forged one that nobody took out (control)', async () => {
        const plain = Buffer.from(`X-A: ${OURS}\r\nX-A: ${FORGED}\r\nSubject: s\r\n\r\nbody\r\n`)
        const {
          seen: [seen],
        } = await readAll(reader, 'X-A', [plain])
        assert.match(`${seen?.values}`, new RegExp(FORGED))
      })
    })
  }
})
