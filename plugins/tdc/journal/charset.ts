import { TextDecoder } from 'node:util'

/** Names that mail has and the Encoding Standard, which `TextDecoder` follows, has not. */
const ALIASES: Readonly<Record<string, string>> = {
  'ansi_x3.110-1983': 'windows-1252',
  cp932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  cp50220: 'iso-2022-jp',
  cp50221: 'iso-2022-jp',
  cp50222: 'iso-2022-jp',
  cp51932: 'euc-jp',
  cp65001: 'utf-8',
  'eucjp-ms': 'euc-jp',
  'eucjp-win': 'euc-jp',
  'iso-2022-jp-1': 'iso-2022-jp',
  'iso-2022-jp-2': 'iso-2022-jp',
  'iso-2022-jp-3': 'iso-2022-jp',
  'iso-2022-jp-ms': 'iso-2022-jp',
  ms936: 'gbk',
  ms949: 'euc-kr',
  uhc: 'euc-kr',
}

/** 0x80 to 0x9f of windows-1252, which Node 20 decodes as ISO-8859-1 under all its names. */
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'

/** Back to ASCII and on to JIS X 0208 at once, as where two encoded words meet (RFC 1468). */
const IDLE_SHIFT = /\x1b\([BJ]\x1b\$[@B]/g

/** Whether octets of this charset can be decoded at all. */
export function isCharset(name: string): boolean {
  return decoderFor(name) !== undefined
}

/** undefined: there is no such charset, or these octets are not in it. */
export function decodeOctets(charset: string, octets: Buffer): string | undefined {
  const decoder = decoderFor(charset)
  if (decoder?.encoding === 'windows-1252') {
    const text = octets.toString('latin1')
    return text.replace(/[\x80-\x9f]/g, (c) => WINDOWS_1252.charAt(c.charCodeAt(0) - 0x80))
  }
  try {
    if (decoder?.encoding === 'euc-kr') return decodeKorean(decoder, octets)
    if (decoder?.encoding !== 'iso-2022-jp') return decoder?.decode(octets)
    // A shift without a character between is an error to the decoder, though it means nothing.
    return decoder.decode(Buffer.from(octets.toString('latin1').replace(IDLE_SHIFT, ''), 'latin1'))
  } catch {
    return undefined
  }
}

function decoderFor(name: string): TextDecoder | undefined {
  try {
    const standard = name.replace(/^(?:x-)?windows-?(?=125\d$)/, 'windows-')
    return new TextDecoder(ALIASES[name] ?? standard, { fatal: true })
  } catch {
    return undefined
  }
}

/** The Encoding Standard means windows-949 by euc-kr, Node the 8,822 syllables less of EUC-KR itself. */
function decodeKorean(decoder: TextDecoder, octets: Buffer): string {
  uhcSyllables ??= readUhc(decoder)
  const characters = octets.toString('latin1').match(/[\x81-\xfe][^]|[^]/g) ?? []
  const decode = (one: string) => decoder.decode(Buffer.from(one, 'latin1'))
  return characters.map((one) => uhcSyllables?.get(one) ?? decode(one)).join('')
}

let uhcSyllables: ReadonlyMap<string, string> | undefined

/** Those that EUC-KR has not stand in the order of Unicode, in the places that it leaves free. */
function readUhc(eucKr: TextDecoder): ReadonlyMap<string, string> {
  const known = new Set<string>()
  for (let lead = 0xb0; lead <= 0xc8; lead++) {
    for (let trail = 0xa1; trail <= 0xfe; trail++) known.add(eucKr.decode(Buffer.of(lead, trail)))
  }
  const syllables = Array.from({ length: 0xd7a4 - 0xac00 }, (_, i) =>
    String.fromCharCode(0xac00 + i),
  )
  const others = syllables.filter((syllable) => !known.has(syllable)).values()
  // Of KS X 1001 from 1998 on, and in Node neither.
  const found = new Map([
    ['\xa2\xe6', '\u20ac'],
    ['\xa2\xe7', '\u00ae'],
  ])
  for (let lead = 0x81; lead <= 0xc6; lead++) {
    for (let trail = 0x41; trail <= (lead < 0xa1 ? 0xfe : 0xa0); trail++) {
      if ((trail > 0x5a && trail < 0x61) || (trail > 0x7a && trail < 0x81)) continue
      const { value } = others.next()
      if (value !== undefined) found.set(String.fromCharCode(lead, trail), value)
    }
  }
  return found
}
