// node-readers.mjs READER NAME: see readers.ts.
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

const [reader, name] = process.argv.slice(2)
const wanted = name.toLowerCase()

const READERS = {
  async mailparser() {
    const { simpleParser } = await import('mailparser')
    return async (raw) => {
      const options = { skipHtmlToText: true }
      const { attachments, headerLines, subject, text } = await simpleParser(raw, options)
      const part = attachments.find(({ contentType }) => contentType === 'message/rfc822')
      const fields = headerLines.map(({ key, line }) => [key, line.replace(/^[^:]*:/s, '')])
      return { values: valuesIn(fields), subject, text, original: part?.content }
    }
  },
  async '@zone-eu/mailsplit'() {
    const { Splitter } = await import('@zone-eu/mailsplit')
    return async (raw) => {
      const nodes = []
      for await (const part of Readable.from([raw]).pipe(new Splitter({ ignoreEmbedded: true }))) {
        if (part.type === 'node') nodes.push({ part, body: [] })
        else if (part.type === 'body') nodes.at(-1).body.push(part.value)
      }
      const [root, text, attached] = nodes
      const fields = root.part.headers.getList()
      return {
        values: valuesIn(fields.map(({ key, line }) => [key, line.replace(/^[^:]*:/s, '')])),
        text: text && Buffer.concat(text.body).toString(),
        original:
          attached?.part.contentType === 'message/rfc822'
            ? Buffer.concat(attached.body)
            : undefined,
      }
    }
  },
  async 'postal-mime'() {
    const { default: PostalMime } = await import('postal-mime')
    return async (raw) => {
      const message = await PostalMime.parse(raw, { forceRfc822Attachments: true })
      const { attachments, headers, subject, text } = message
      const part = attachments.find(({ mimeType }) => mimeType === 'message/rfc822')
      const values = valuesIn(headers.map(({ key, value }) => [key, value]))
      return { values, subject, text, original: part && Buffer.from(part.content) }
    }
  },
  async 'emailjs-mime-parser'() {
    const { default: parse } = await import('emailjs-mime-parser')
    return (raw) => {
      const { headers, childNodes } = (parse.default ?? parse)(raw)
      const [text, attached] = childNodes
      return {
        values: (headers[wanted] ?? []).map(({ initial }) => initial),
        subject: headers.subject?.[0]?.value,
        text: text && Buffer.from(text.content).toString(),
        original: attached?.content && Buffer.from(attached.content),
      }
    }
  },
  async letterparser() {
    const { extract, parse } = await import('letterparser')
    return (raw) => {
      const { headers } = parse(raw.toString('latin1'))
      const { attachments, text } = extract(raw.toString('latin1'))
      const part = attachments?.find(({ contentType }) =>
        /message\/rfc822/.test(contentType?.type ?? ''),
      )
      return {
        values: valuesIn(Object.entries(headers)),
        subject: headers.Subject,
        text,
        original: part && Buffer.from(part.body),
      }
    }
  },
}

function valuesIn(entries) {
  return entries.filter(([key]) => key.toLowerCase() === wanted).flatMap(([, value]) => value)
}

/** Some packages export no package.json, so it is looked for where Node looks for packages. */
function versionOf(name) {
  for (const folder of createRequire(import.meta.url).resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`)).version
    } catch {
      // It is in none of the nearer ones.
    }
  }
}

const read = await READERS[reader]()
const print = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
print(versionOf(reader))
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { original, ...seen } = await read(Buffer.from(line, 'base64'))
    print({ ...seen, original: original?.toString('base64') })
  } catch (error) {
    print({ error: String(error) })
  }
}
