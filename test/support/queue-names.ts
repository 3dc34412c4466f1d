import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What the connector keeps beside copies, in a folder of its own. */
const NOTES = ['log', 'lost', 'day.lines', 'day.lines.new']

/**
 * Names of all files in a queue directory, those being written included; the connector's own folder is
 * left out, unless copies are in it.
 */
export function queueNames(queue: string): string[] {
  const hasNotesAlone = () =>
    namesIn(join(queue, 'error.tdc')).every((name) => NOTES.includes(name))
  return namesIn(queue).filter((name) => name !== 'error.tdc' || !hasNotesAlone())
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
