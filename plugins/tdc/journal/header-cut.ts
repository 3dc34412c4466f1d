import { LINE_LIMIT } from './header-value'

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const COLON = 0x3a
const CRLF = Buffer.from('\r\n')
const END_OF_HEADER = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

/**
 * Octets that some reader drops beside a name: what cannot stand in one (RFC 5322 3.6.8), which
 * mailsplit trims as white space of Latin-1, and the specials of RFC 5322 3.2.3, which mailparse of
 * PHP takes for tokens of their own.
 */
const IS_NOISE = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet <= SPACE || octet >= 0x7f || '()<>[]:;@\\,."'.includes(String.fromCharCode(octet)) ? 1 : 0,
)

type Verdict = 'keep' | 'drop' | 'undecided' | 'body' | 'noise'

interface Name {
  readonly lower: Buffer
  readonly upper: Buffer
}

/**
 * Takes header fields of the given names, with their folded lines, out of the top header block.
 * Input has CRLF line ends only. The block ends at the first empty line and nowhere else: readers
 * differ on what a line without a colon means, and a forged field must not hide behind one. Readers
 * also differ on what belongs to a name, so a field goes as soon as one of them could take it for
 * one of these: noise before the name, and behind it anything that does not make it a longer one.
 */
export class HeaderCut {
  /** What is left begins with a line that some reader takes for a folded one. */
  leadingFold = false
  private readonly names: readonly Name[]
  private place: 'line start' | 'behind noise' | 'line' | 'body' = 'line start'
  /** Nothing was kept so far. */
  private atTop = true
  private fate: 'keep' | 'drop' = 'keep'
  private held: Buffer = Buffer.alloc(0)

  constructor(names: readonly string[]) {
    this.names = names.map((name) => ({
      lower: Buffer.from(name.toLowerCase(), 'latin1'),
      upper: Buffer.from(name.toUpperCase(), 'latin1'),
    }))
  }

  push(chunk: Buffer): Buffer {
    if (this.place === 'body' || chunk.length === 0) return chunk
    const data = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    this.held = Buffer.alloc(0)
    const kept = this.cut(data)
    return kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept)
  }

  /** What was still undecided: the message ends there, and so does the line. */
  end(): Buffer {
    const { held } = this
    if (held.length === 0) return held
    return this.push(END_OF_HEADER).length === held.length + END_OF_HEADER.length ? held : NOTHING
  }

  private cut(data: Buffer): Buffer[] {
    const kept: Buffer[] = []
    let at = 0
    let from = 0
    while (at < data.length && this.place !== 'body') {
      if (this.place === 'line') {
        const lineEnd = data.indexOf(LF, at)
        if (lineEnd >= 0) this.place = 'line start'
        at = lineEnd < 0 ? data.length : lineEnd + 1
        continue
      }
      const verdict = this.judge(data, at)
      if (verdict === 'undecided') {
        if (this.fate === 'keep') kept.push(data.subarray(from, at))
        this.held = Buffer.from(data.subarray(at))
        return kept
      }
      const fate = verdict === 'drop' ? 'drop' : 'keep'
      if (fate === 'drop' && this.fate === 'keep') kept.push(data.subarray(from, at))
      // Noise was passed on already, as a line of its own.
      if (fate === 'drop' && this.place === 'behind noise') kept.push(CRLF)
      if (fate === 'keep' && this.fate === 'drop') from = at
      if (fate === 'keep') this.atTop = false
      this.fate = fate
      this.place = verdict === 'body' ? 'body' : verdict === 'noise' ? 'behind noise' : 'line'
      if (verdict === 'noise') at += LINE_LIMIT
    }
    if (this.fate === 'keep') kept.push(from === 0 ? data : data.subarray(from))
    return kept
  }

  private judge(data: Buffer, at: number): Verdict {
    const first = data[at]
    if (this.place === 'line start') {
      if (first === CR) return 'body'
      if (isBlank(first) && (!this.atTop || this.fate === 'drop')) return this.fate
    }
    const verdict = this.judgeField(data, at)
    if (verdict === 'drop' || verdict === 'undecided' || !this.atTop) return verdict
    const field = beginsField(data, at)
    if (field === undefined) return 'undecided'
    this.leadingFold = !field
    return verdict
  }

  private judgeField(data: Buffer, at: number): Verdict {
    let next = at
    while (next - at < LINE_LIMIT && IS_NOISE[data[next] as number] === 1) {
      // Some readers unfold before they trim.
      if (data[next] !== CR) next++
      else if (next + 2 >= data.length) return 'undecided'
      else if (isBlank(data[next + 2])) next += 3
      else return 'keep'
    }
    if (next - at >= LINE_LIMIT) return 'noise'
    if (next >= data.length) return 'undecided'
    let verdict: Verdict = 'keep'
    for (const name of this.names) {
      const one = judgeName(data, next, name)
      if (one === 'drop') return 'drop'
      if (one === 'undecided') verdict = 'undecided'
    }
    return verdict
  }
}

/** Also without a colon: some readers then see a field of that name without a value. */
function judgeName(data: Buffer, at: number, name: Name): 'keep' | 'drop' | 'undecided' {
  let next = at
  for (let i = 0; i < name.lower.length; i++, next++) {
    if (next === data.length) return 'undecided'
    if (data[next] !== name.lower[i] && data[next] !== name.upper[i]) return 'keep'
  }
  const end = next + LINE_LIMIT
  for (; next < end; next++) {
    const octet = data[next]
    if (octet === undefined) return 'undecided'
    if (octet === COLON || octet <= SPACE || octet >= 0x7f) return 'drop'
    if (IS_NOISE[octet] === 0) return 'keep'
  }
  return 'drop'
}

/**
 * Whether no reader takes a line for a folded one: it begins with an octet of a name, and has a colon.
 * `From alice Mon Jan 1 00:00:00` is none either. undefined: not yet known.
 */
function beginsField(data: Buffer, at: number): boolean | undefined {
  const first = data[at] as number
  if (first <= SPACE || first >= 0x7f || first === COLON) return false
  for (let next = at; next < at + LINE_LIMIT; next++) {
    const octet = data[next]
    if (octet === undefined) return undefined
    if (octet === COLON || octet === CR) return octet === COLON
  }
  return false
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB
}
