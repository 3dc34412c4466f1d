import type { Report } from '../monitor/events'
import { readSettings } from './read'
import type { Settings } from './settings'
import type { SettingsSource } from './source'

/**
 * The settings in force. A reading that is refused leaves the last good value as it is; before the
 * first good one, an empty file's: disabled, with the default delivery for copies in the queue.
 */
export class CurrentSettings {
  private settings: Settings
  private sentences: readonly string[] = []
  private readonly report: Report

  constructor(source: SettingsSource, report: Report) {
    this.report = report
    this.settings = emptyFile(source)
  }

  get value(): Settings {
    return this.settings
  }

  /** What was wrong at the last reading; empty when it was taken. */
  get problems(): readonly string[] {
    return this.sentences
  }

  /** Reads anew. `announce` says in the log what is in force now, and what is wrong. */
  read(source: SettingsSource, announce: boolean): void {
    const result = readSettings(source)
    this.sentences = result.kind === 'refused' ? result.problems : []
    if (result.kind === 'settings') this.settings = result.settings
    if (!announce) return

    for (const text of this.sentences) this.report({ kind: 'problem', text })
    if (result.kind === 'settings') {
      for (const text of result.warnings) this.report({ kind: 'warning', text })
    } else {
      const text = 'tdc.ini refused, the settings before it stay in force'
      this.report({ kind: 'problem', text })
    }
    this.report({ kind: 'effective', text: effectiveText(this.settings) })
  }
}

function effectiveText({ effective }: Settings): string {
  const { enabled, level, intake, intakeLevel } = effective
  if (!enabled) return `Threat Defense Connector disabled (${level})`
  const address = intake
    ? `message intake address ${intake.address} (${intakeLevel})`
    : 'no default message intake address'
  return `Threat Defense Connector enabled (${level}), ${address}`
}

function emptyFile(source: SettingsSource): Settings {
  const result = readSettings({ ...source, ini: {}, unreadable: undefined, headings: [] })
  if (result.kind === 'refused') throw new Error(result.problems.join('; '))
  const { settings } = result
  return { ...settings, effective: { ...settings.effective, level: 'tdc.ini was refused' } }
}
