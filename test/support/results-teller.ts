import type { HarakaServer } from './haraka'

/** A plain-file plugin that logs what the connector left in the results store of each message. */
export const RESULTS_TELLER = `
exports.hook_reset_transaction = function (next, connection) {
  const { uuid, header, results } = connection.transaction
  const { skip = [] } = results.get('tdc') ?? {}
  this.lognotice('results of ' + header.get('Subject').trim() + ' = ' + JSON.stringify({ uuid, skip }))
  next()
}`

export interface Results {
  /** The transaction's. */
  readonly uuid: string
  readonly skip: readonly string[]
}

/** Waits for the end of the message with this subject, which must be unique. */
export async function resultsOf(server: HarakaServer, subject: string): Promise<Results> {
  const mark = `results of ${subject} = `
  const line = await server.waitForLine(mark)
  return JSON.parse(line.slice(line.indexOf(mark) + mark.length)) as Results
}
