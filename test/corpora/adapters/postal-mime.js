const PostalMime = require('postal-mime').default ?? require('postal-mime')
const { version } = require('postal-mime/package.json')

const parse = (octets) => PostalMime.parse(octets, { forceRfc822Attachments: true })

require('./node-reader')(
  version,
  async (octets) => {
    const { attachments, text } = await parse(octets)
    const part = attachments.find(({ mimeType }) => mimeType === 'message/rfc822')
    return { original: part && Buffer.from(part.content), text }
  },
  async (octets) => (await parse(octets)).headers.map(({ key, value }) => [key, value]),
)
