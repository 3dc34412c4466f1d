// What the readers of the npm registry have in common: node ADAPTER IN OUT, with NODE_PATH.
const { readdirSync, readFileSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')

/** `read(octets)` gives {original, text}, `fields(octets)` pairs of a name and a value. */
module.exports = async function run(version, read, fields) {
  const [, , from, to, wanted] = process.argv
  console.log(version)
  for (const name of readdirSync(from).filter((each) => each.endsWith('.eml'))) {
    const out = join(to, basename(name, '.eml'))
    try {
      const { original, text } = await read(readFileSync(join(from, name)))
      if (text !== undefined) writeFileSync(`${out}.text`, text)
      if (original === undefined) continue
      writeFileSync(`${out}.original`, original)
      if (!fields) continue
      const values = (await fields(Buffer.from(original)))
        .filter(([field]) => field.toLowerCase() === wanted.toLowerCase())
        .map(([, value]) => String(value).trim())
      writeFileSync(`${out}.client`, values.join('\n'))
    } catch (error) {
      writeFileSync(`${out}.error`, String(error))
    }
  }
}
