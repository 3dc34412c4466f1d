import type { Report } from '../monitor/events'
import { changedCopies, changedSettings } from './changes'
import { readSettings } from './read'
import type { ReadResult, Settings } from './settings'
import {
  isBlank,
  lostContent,
  NO_FILES,
  noting,
  type SettingsSource,
  type SourceFiles,
  withFiles,
} from './source'

/** An editor may write it anew this very moment. */
const GONE: ReadResult = { kind: 'refused', problems: ['config/tdc.ini is gone'] }

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

  /** Reads anew. `announce`: the log has what is in force now, and what is wrong. */
  read(own: SettingsSource, report: Report, announce: boolean): void {
    const { source, files } = noting(own)
    const before = this.takenFiles && { settings: this.settings, files: this.takenFiles }
    const result = this.judged(own, readSettings(this.layered(source)), files)
    this.sentences = result.kind === 'refused' ? result.problems : []
    if (result.kind === 'settings') {
      this.settings = result.settings
      this.takenFiles = files
    }
    if (!announce) return

    for (const text of this.sentences) report({ kind: 'problem', text })
    if (result.kind === 'settings') {
      for (const text of result.warnings) report({ kind: 'warning', text })
      if (own.missing) report({ kind: 'warning', text: 'there is no config/tdc.ini' })
      else if (isBlank(own.text)) report({ kind: 'warning', text: 'config/tdc.ini is empty' })
      if (before) {
        const copies = changedCopies(before.settings, result.settings)
        if (copies) report({ kind: 'warning', text: `who gets copies has changed: ${copies}` })
        const others = changedSettings(before.files, files)
        if (others) report({ kind: 'settings-changed', what: others })
      }
    } else {
      report({ kind: 'problem', text: `tdc.ini refused, ${this.remaining}` })
    }
    report({ kind: 'effective', text: effectiveText(this.settings) })
  }

  /** A reload is refused where files seem to have lost what they had: nobody turns copies off so. */
  private judged(own: SettingsSource, result: ReadResult, files: SourceFiles): ReadResult {
    const before = this.takenFiles
    if (!before) return result
    if (own.missing && !before.missing) return GONE
    const problems = own.unreadable === undefined ? lostContent(before, files) : []
    if (result.kind === 'settings' && this.isEnabledForNobody(result.settings)) {
      problems.push(
        'no policy of tdc.ini asks for copies any more; write [main] enabled=false to turn them off',
      )
    }
    if (problems.length === 0) return result
    const more = result.kind === 'refused' ? result.problems : []
    return { kind: 'refused', problems: [...problems, ...more] }
  }

  private isEnabledForNobody({ effective, policies }: Settings): boolean {
    const { effective: before, policies: asked } = this.settings
    const didCopy = before.enabled && asked.asksForCopies
    return didCopy && effective.enabled && !policies.asksForCopies
  }

  /** What the first process has in force, if anything, for one that started while `own` is refused. */
  takeOver(files: SourceFiles | undefined, own: SettingsSource, report: Report): void {
    const isWhole = !files || !this.takenFiles || lostContent(files, this.takenFiles).length === 0
    if (this.takenFiles && isWhole) return
    const refused = 'tdc.ini is refused: this worker, started with it,'
    const result = files && readSettings(this.layered(withFiles(own, files)))
    if (result?.kind !== 'settings') {
      const text = `${refused} copies nothing until it is mended`
      return report({ kind: 'problem', text })
    }
    this.settings = result.settings
    this.takenFiles = files
    report({ kind: 'warning', text: `${refused} has the settings before it` })
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
