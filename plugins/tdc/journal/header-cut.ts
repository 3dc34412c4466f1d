const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const COLON = 0x3a

/** Longest line (RFC 5322 2.1.1). A name followed by more white space than that is not waited for. */
const LINE_LIMIT = 998

type Fate = 'keep' | 'drop'
type Verdict = Fate | 'undecided' | 'body'

interface Name {
  readonly lower: Buffer
  readonly upper: Buffer
}

/**
 * Takes header fields of the given names, with their folded lines, out of the top header block.
 * Input has CRLF line ends only. The block ends at the first empty line and nowhere else: readers
 * differ on what a line without a colon means, and a forged field must not hide behind one.
 */
export class HeaderCut {
  /** The message begins with a folded line, which would continue a header put on top of it. */
  leadingFold = false
  private readonly names: readonly Name[]
  private place: 'first line' | 'line start' | 'line' | 'body' = 'first line'
  private fate: Fate = 'keep'
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

  /** What was still undecided: a name with neither colon nor folded line after it is no field. */
  end(): Buffer {
    const rest = this.held
    this.held = Buffer.alloc(0)
    return rest
  }

  private cut(data: Buffer): Buffer[] {
    const kept: Buffer[] = []
    let at = 0
    let from = 0
    while (at < data.length && this.place !== 'body') {
      if (this.place !== 'line') {
        const verdict = this.judge(data, at)
        if (verdict === 'undecided') return this.hold(data, from, at, kept)
        const fate = verdict === 'drop' ? 'drop' : 'keep'
        if (fate === 'drop' && this.fate === 'keep') kept.push(data.subarray(from, at))
        if (fate === 'keep' && this.fate === 'drop') from = at
        this.fate = fate
        this.place = verdict === 'body' ? 'body' : 'line'
      } else {
        const lineEnd = data.indexOf(LF, at)
        if (lineEnd >= 0) this.place = 'line start'
        at = lineEnd < 0 ? data.length : lineEnd + 1
      }
    }
    if (this.fate === 'keep') kept.push(from === 0 ? data : data.subarray(from))
    return kept
  }

  private hold(data: Buffer, from: number, at: number, kept: Buffer[]): Buffer[] {
    if (this.fate === 'keep') kept.push(data.subarray(from, at))
    this.held = Buffer.from(data.subarray(at))
    return kept
  }

  private judge(data: Buffer, at: number): Verdict {
    const first = data[at]
    if (first === CR) return 'body'
    if (first === SPACE || first === TAB) {
      if (this.place === 'first line') this.leadingFold = true
      return this.fate
    }
    let verdict: Verdict = 'keep'
    for (const name of this.names) {
      const one = judgeName(data, at, name)
      if (one === 'drop') return 'drop'
      if (one === 'undecided') verdict = 'undecided'
    }
    return verdict
  }
}

/** `name[ \t]*:`, or the colon only after a fold, which some readers unfold before they look for it. */
function judgeName(data: Buffer, at: number, name: Name): Fate | 'undecided' {
  let next = at
  for (let i = 0; i < name.lower.length; i++, next++) {
    if (next === data.length) return 'undecided'
    if (data[next] !== name.lower[i] && data[next] !== name.upper[i]) return 'keep'
  }
  if (data.length - at > LINE_LIMIT && isBlank(data, next)) return 'drop'
  while (data[next] === SPACE || data[next] === TAB) next++
  if (data[next] === COLON) return 'drop'
  if (data[next] === CR) next += 2
  else if (next < data.length) return 'keep'
  if (next >= data.length) return 'undecided'
  return data[next] === SPACE || data[next] === TAB ? 'drop' : 'keep'
}

function isBlank(data: Buffer, from: number): boolean {
  const end = Math.min(from + LINE_LIMIT, data.length)
  for (let i = from; i < end; i++) if (data[i] !== SPACE && data[i] !== TAB) return false
  return true
}
