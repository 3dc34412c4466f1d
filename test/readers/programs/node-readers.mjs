// node-readers.mjs READER NAME: see readers.ts.
import { Buffer } from 'node:buffer'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

const [reader, name] = process.argv.slice(2)
const wanted = name.toLowerCase()

const READERS = {
  async mailparser() {
    const { simpleParser } = await import('mailparser')
    return async (raw) => {
      const { headerLines, subject } = await simpleParser(raw, { skipHtmlToText: true })
      const values = valuesIn(
        headerLines.map(({ key, line }) => [key, line.replace(/^[^:]*:/s, '')]),
      )
      return { values, subject }
    }
  },
  async mailsplit() {
    const { Splitter } = await import('@zone-eu/mailsplit')
    return async (raw) => {
      let values
      const splitter = new Splitter()
      for await (const part of Readable.from([raw]).pipe(splitter)) {
        if (part.type !== 'node' || values) continue
        values = part.headers.get(name).map((line) => line.replace(/^[^:]*:/, ''))
      }
      return { values: values ?? [] }
    }
  },
  async 'postal-mime'() {
    const { default: PostalMime } = await import('postal-mime')
    return async (raw) => {
      const { headers, subject } = await PostalMime.parse(raw)
      return { values: valuesIn(headers.map(({ key, value }) => [key, value])), subject }
    }
  },
  async 'emailjs-mime-parser'() {
    const { default: parse } = await import('emailjs-mime-parser')
    return (raw) => {
      const { headers } = (parse.default ?? parse)(raw)
      const values = (headers[wanted] ?? []).map(({ initial }) => initial)
      return { values, subject: headers.subject?.[0]?.value }
    }
  },
  async letterparser() {
    const { parse } = await import('letterparser')
    return (raw) => {
      const { headers } = parse(raw.toString('latin1'))
      return { values: valuesIn(Object.entries(headers)), subject: headers.Subject }
    }
  },
}

function valuesIn(entries) {
  return entries.filter(([key]) => key.toLowerCase() === wanted).flatMap(([, value]) => value)
}

const read = await READERS[reader]()
for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = await read(Buffer.from(line, 'base64'))
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
