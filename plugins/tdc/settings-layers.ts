import { hostname } from 'node:os'
import { LastGood } from './cluster/last-good'
import { layered, sharesSettings } from './cluster/overlay'
import { NO_DOCUMENT, type SharedDocument } from './cluster/shared-document'
import type { QueueDirectory } from './haraka/queue-directory'
import { settingsSource } from './haraka/settings-files'
import type { HarakaPlugin } from './haraka/types'
import { systemDisk } from './queue/disk'
import { CurrentSettings } from './settings/current'
import type { SettingsSource } from './settings/source'

/**
 * The settings, of a server's own files and what machines share above them, as far as they do; `changed`
 * is called when one of the files is another.
 */
export function layersOf(plugin: HarakaPlugin, directory: QueueDirectory, changed: () => void) {
  /** config/me, as of the last reading of the settings: asking for it is not cheap. */
  let me = hostname()
  const lastGood = new LastGood(directory.sharedSettingsPath, systemDisk)
  const kept = lastGood.read()
  let shared = kept.kind === 'document' ? kept.document : NO_DOCUMENT
  const own = (): SettingsSource => {
    const source = settingsSource(plugin, changed)
    me = source.me || source.hostname
    return source
  }
  const source = own()
  const isRefused = kept.kind === 'unreadable' && sharesSettings(source)
  return {
    own,
    lastGood,
    settings: new CurrentSettings(source, (files) => layered(files, shared.entries)),
    /** Why there is nothing shared though there was. */
    refused: isRefused
      ? `the shared settings in ${lastGood.path} cannot be used: ${kept.why}`
      : undefined,
    me: () => me,
    shared: () => shared,
    share: (document: SharedDocument) => void (shared = document),
  }
}
