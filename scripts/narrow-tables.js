/**
 * A plugin of prettier: a table of a document whose rows are longer than a line is not padded. Aligned, it
 * cannot be read anywhere, and half of the octets of the package's documents were blanks.
 */
'use strict'

const { parsers, printers } = require('prettier/plugins/markdown')

const { markdown } = parsers
const { mdast } = printers
const FORMAT = 'mdast with narrow tables'

module.exports = {
  parsers: { markdown: { ...markdown, astFormat: FORMAT } },
  printers: {
    [FORMAT]: {
      ...mdast,
      // Prettier has this for tables, but only together with paragraphs of one line.
      print: (path, options, ...more) =>
        mdast.print(
          path,
          path.node.type === 'table' ? { ...options, proseWrap: 'never' } : options,
          ...more,
        ),
    },
  },
}
