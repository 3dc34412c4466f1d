const { extract } = require('letterparser')
const { readFileSync } = require('node:fs')

// The package exports no package.json.
const { version } = JSON.parse(readFileSync('node_modules/letterparser/package.json'))

require('./node-reader')(version, async (octets) => {
  const { attachments, text } = extract(octets.toString('latin1'))
  const part = attachments?.find(({ contentType }) =>
    /message\/rfc822/.test(contentType?.type ?? ''),
  )
  return { original: part && Buffer.from(part.body), text }
})
