import type { Settings } from '../settings/settings'
import { Readable } from 'node:stream'
import {
  base64Lines,
  base64Size,
  fallbackReport,
  type FallbackReport,
  LINE_OCTETS,
} from '../journal/fallback-report'
import { Unstuffer } from '../base/unstuffer'

/** Octets of a report in front of its original: a thousand recipients of the longest kind, and more. */
const LONGEST_HEAD = 1024 * 1024

/** The form of a copy in which its original is a file in base64. */
export class Fallback {
  private constructor(
    private readonly report: FallbackReport,
    /** Octets of the original. */
    private readonly octets: number,
  ) {}

  /** Of a copy with this content, as DATA sends it, and so many octets as SIZE counts them. */
  static async of(content: Buffer | Readable, size: number): Promise<Fallback> {
    let beginning = Buffer.alloc(0)
    for await (const piece of unstuffed(content)) {
      beginning = Buffer.concat([beginning, piece])
      const report = fallbackReport(beginning)
      if (report) return new Fallback(report, size - report.before - report.tail.length)
      if (beginning.length > LONGEST_HEAD) break
    }
    throw new Error('the copy is no report that could have its original as a file')
  }

  /** As SIZE counts; no line begins with a dot. */
  get size(): number {
    const { head, tail } = this.report
    return head.length + base64Size(this.octets) + tail.length
  }

  async convert(content: Buffer | Readable): Promise<Buffer | Readable> {
    const converted = this.converted(content)
    if (!Buffer.isBuffer(content)) return Readable.from(converted, { objectMode: false })
    const pieces: Buffer[] = []
    for await (const piece of converted) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  private async *converted(content: Buffer | Readable): AsyncGenerator<Buffer> {
    const { before, head, tail } = this.report
    yield head
    let skip = before
    let left = this.octets
    let rest: Buffer = Buffer.alloc(0)
    for await (const piece of unstuffed(content)) {
      const original = piece.subarray(Math.min(skip, piece.length)).subarray(0, left)
      skip -= Math.min(skip, piece.length)
      left -= original.length
      const octets = Buffer.concat([rest, original])
      const whole = octets.length - (octets.length % LINE_OCTETS)
      rest = octets.subarray(whole)
      if (whole > 0) yield base64Lines(octets.subarray(0, whole))
    }
    if (left > 0) throw new Error(`${left} octets of the copy are missing`)
    yield Buffer.concat([base64Lines(rest), tail])
  }
}

async function* unstuffed(content: Buffer | Readable): AsyncGenerator<Buffer> {
  const unstuffer = new Unstuffer()
  for await (const piece of Buffer.isBuffer(content) ? [content] : content) {
    yield unstuffer.push(Buffer.from(piece as Buffer))
  }
}

/** Whether what an intake refuses for its content goes once more: only a report has another form. */
export function isFallenBackFor(
  intake: string,
  { journal, intakes }: Pick<Settings, 'journal' | 'intakes'>,
): boolean {
  const isReport = intakes.some((each) => each.address === intake && each.format === 'journal')
  return journal.fallback && isReport
}
