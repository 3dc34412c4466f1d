import type { Report } from '../monitor/events'
import { readSettings } from './read'
import type { Settings } from './settings'
import type { SettingsSource } from './source'
import { NO_FILES, noting, type SourceFiles, withFiles } from './source-files'

const GONE = { kind: 'refused', problems: ['config/tdc.ini is gone'] } as const

/**
 * The settings in force. A reading that is refused leaves the last good value as it is; before the
 * first good one, an empty file's: disabled, with the default delivery for copies in the queue.
 */
export class CurrentSettings {
  private settings: Settings
  private sentences: readonly string[] = []
  private takenFiles: SourceFiles | undefined

  /** `layered` lays what machines share over a server's own files. */
  constructor(
    source: SettingsSource,
    private readonly report: Report,
    private readonly layered: (own: SettingsSource) => SettingsSource = (own) => own,
  ) {
    this.settings = emptyFile(source)
  }

  get value(): Settings {
    return this.settings
  }

  /** What was wrong at the last reading; empty when it was taken. */
  get problems(): readonly string[] {
    return this.sentences
  }

  /** The files of the settings in force; undefined: none were taken yet. */
  get files(): SourceFiles | undefined {
    return this.takenFiles
  }

  /** Reads anew. `announce` says in the log what is in force now, and what is wrong. */
  read(own: SettingsSource, announce: boolean): void {
    const { source, files } = noting(own)
    const result = this.isGone(own) ? GONE : readSettings(this.layered(source))
    this.sentences = result.kind === 'refused' ? result.problems : []
    if (result.kind === 'settings') {
      this.settings = result.settings
      this.takenFiles = files
    }
    if (!announce) return

    for (const text of this.sentences) this.report({ kind: 'problem', text })
    if (result.kind === 'settings') {
      for (const text of result.warnings) this.report({ kind: 'warning', text })
      if (own.missing) this.report({ kind: 'warning', text: 'there is no config/tdc.ini' })
    } else {
      this.report({ kind: 'problem', text: `tdc.ini refused, ${this.remaining}` })
    }
    this.report({ kind: 'effective', text: effectiveText(this.settings) })
  }

  /** What the first process has in force, if anything, for one that started while `own` is refused. */
  takeOver(files: SourceFiles | undefined, own: SettingsSource): void {
    if (this.takenFiles) return
    const refused = 'tdc.ini is refused: this worker, started with it,'
    const result = files && readSettings(this.layered(withFiles(own, files)))
    if (result?.kind !== 'settings') {
      const text = `${refused} copies nothing until it is mended`
      return this.report({ kind: 'problem', text })
    }
    this.settings = result.settings
    this.takenFiles = files
    this.report({ kind: 'warning', text: `${refused} has the settings before it` })
  }

  /** An editor may write it anew this very moment; nobody switches copies off like that. */
  private isGone({ missing }: SettingsSource): boolean {
    return missing === true && this.takenFiles?.missing === false
  }

  private get remaining(): string {
    return this.takenFiles
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
  const result = readSettings(withFiles(source, NO_FILES))
  if (result.kind === 'refused') throw new Error(result.problems.join('; '))
  const { settings } = result
  return { ...settings, effective: { ...settings.effective, level: 'tdc.ini was refused' } }
}
