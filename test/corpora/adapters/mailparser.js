const { simpleParser } = require('mailparser')
const { version } = require('mailparser/package.json')

require('./node-reader')(
  version,
  async (octets) => {
    const { attachments, text } = await simpleParser(octets)
    const part = attachments.find(({ contentType }) => contentType === 'message/rfc822')
    return { original: part?.content, text }
  },
  async (octets) => {
    const { headerLines } = await simpleParser(octets)
    return headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1)])
  },
)
