import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The networks whose clients Haraka's relay plugin lets relay; empty when it is not in use. */
export function relayNetworks(directory: string): string[] {
  const entries = (name: string): string[] => {
    try {
      return readFileSync(join(directory, 'config', name), 'utf8')
        .split('\n')
        .map((line) => line.replace(/[#;].*/, '').trim())
        .filter((line) => line !== '')
    } catch {
      return []
    }
  }
  return entries('plugins').includes('relay') ? entries('relay_acl_allow') : []
}
