import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Days } from '../monitor/days'
import type { MinuteFigures } from '../monitor/over-time'
import type { Disk } from './disk'

/** The last 24 hours, also after a restart; without its file they begin anew, so nobody is told. */
export class KeptDay {
  private readonly days: Days
  private written = 0
  private writing = Promise.resolve()

  constructor(
    private readonly path: string,
    private readonly disk: Disk,
  ) {
    this.days = new Days(readOrNothing(path))
  }

  /** Of one intake domain, or '': of all. */
  value(now: number, intake = ''): readonly MinuteFigures[] {
    return this.days.value(now, intake)
  }

  /** What all processes know together of the last hour; written once for each minute. */
  noted<S extends Parameters<Days['take']>[0]>(status: S): S {
    const { minutes, takenAt } = status
    this.days.take(status)
    const newest = minutes.at(-1)?.at ?? 0
    if (newest > this.written) {
      this.written = newest
      const text = this.days.text(takenAt)
      this.writing = this.writing.then(() => this.replace(text)).catch(() => {})
    }
    return status
  }

  /** The file is the old one or the new one. */
  private async replace(text: string): Promise<void> {
    const fresh = `${this.path}.new`
    await this.disk.makeFolder(dirname(this.path))
    // Left by a crash; only one process writes.
    if (await this.disk.exists(fresh)) await this.disk.unlink(fresh)
    const file = await this.disk.create(fresh)
    try {
      await file.write(Buffer.from(text), 0)
    } finally {
      await file.close()
    }
    await this.disk.rename(fresh, this.path)
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
