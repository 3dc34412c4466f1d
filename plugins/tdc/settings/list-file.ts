import { shown } from './problems'
import type { Place, Problems } from './problems'
import type { SettingsSource } from './source'

/** The lines of a list file that the key at `place` names; one that cannot be read is a problem. */
export function linesOf(
  readList: SettingsSource['readList'],
  file: string | undefined,
  place: Place,
  problems: Problems,
): readonly string[] {
  if (file === undefined) return []
  const found = readList(file)
  if (found.kind === 'lines') return found.lines
  problems.refuse(place, `the file cannot be read: ${shown(found.why)}`)
  return []
}
