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
  private wasTaken = false
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
    if (result.kind === 'settings') {
      this.settings = result.settings
      this.wasTaken = true
    }
    if (!announce) return this.admit()

    for (const text of this.sentences) this.report({ kind: 'problem', text })
    if (result.kind === 'settings') {
      for (const text of result.warnings) this.report({ kind: 'warning', text })
    } else {
      this.report({ kind: 'problem', text: `tdc.ini refused, ${this.remaining}` })
    }
    this.report({ kind: 'effective', text: effectiveText(this.settings) })
  }

  /** Others have said what is wrong. A worker that starts late has no settings before it either. */
  private admit(): void {
    if (this.wasTaken) return
    const text =
      'tdc.ini is refused: this worker, started with it, copies nothing until it is mended'
    this.report({ kind: 'problem', text })
  }

  private get remaining(): string {
    return this.wasTaken
      ? 'the settings before it stay in force'
      : 'there are none before it: no message is copied until it is mended'
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
  const result = readSettings({
    ...source,
    ini: {},
    unreadable: undefined,
    headings: [],
    overlooked: [],
  })
  if (result.kind === 'refused') throw new Error(result.problems.join('; '))
  const { settings } = result
  return { ...settings, effective: { ...settings.effective, level: 'tdc.ini was refused' } }
}
