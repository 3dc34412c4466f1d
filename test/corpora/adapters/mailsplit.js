const { Splitter } = require('@zone-eu/mailsplit')
const { version } = require('@zone-eu/mailsplit/package.json')

/** The nodes in order, each with its header and its body. */
function nodesOf(octets) {
  return new Promise((resolve, reject) => {
    const nodes = []
    const splitter = new Splitter({ ignoreEmbedded: true })
    splitter.on('data', (data) => {
      if (data.type === 'node') nodes.push({ node: data, body: [] })
      else if (data.type === 'body') nodes.at(-1).body.push(data.value)
    })
    splitter.on('end', () => resolve(nodes))
    splitter.on('error', reject)
    splitter.end(octets)
  })
}

require('./node-reader')(
  version,
  async (octets) => {
    const [, text, original] = await nodesOf(octets)
    return {
      text: text && Buffer.concat(text.body),
      original:
        original?.node.contentType === 'message/rfc822' ? Buffer.concat(original.body) : undefined,
    }
  },
  async (octets) => {
    const [root] = await nodesOf(octets)
    return root.node.headers
      .getList()
      .map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1)])
  },
)
