const parse = require('emailjs-mime-parser').default
const { version } = require('emailjs-mime-parser/package.json')

require('./node-reader')(
  version,
  async (octets) => {
    const [text, original] = parse(octets).childNodes
    return {
      text: Buffer.from(text.content),
      original: original && Buffer.from(original.content),
    }
  },
  async (octets) =>
    Object.entries(parse(octets).headers).flatMap(([name, values]) =>
      values.map(({ value }) => [name, value]),
    ),
)
