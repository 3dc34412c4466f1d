import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline, type Readable } from 'node:stream'
import * as zlib from 'node:zlib'

/** By the ending of the file's name. Zstandard is in Node 22.15 and later; xz in none. */
const OPENERS: Readonly<Record<string, (() => NodeJS.ReadWriteStream) | undefined>> = {
  gz: zlib.createGunzip,
  br: zlib.createBrotliDecompress,
  zst: (zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream }).createZstdDecompress,
  xz: undefined,
  bz2: undefined,
}

/** The lines of a log file, one after the other, whatever its length. `-` is standard input. */
export async function* linesOfLog(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : opened(file)
  let failure: Error | undefined
  input.on('error', (error: Error) => (failure = error))
  yield* createInterface({ input, crlfDelay: Infinity })
  if (failure) throw failure
}

function opened(file: string): Readable {
  const ending = /\.(\w+)$/.exec(file)?.[1] ?? ''
  if (!Object.hasOwn(OPENERS, ending)) return createReadStream(file)
  const opener = OPENERS[ending]
  if (!opener) {
    throw new Error(`this Node cannot read .${ending}: unpack it, and give its text with --log -`)
  }
  const unpacked = opener() as unknown as Readable & NodeJS.WritableStream
  // The error is told once, by the stream that is read.
  pipeline(createReadStream(file), unpacked, () => {})
  return unpacked
}
