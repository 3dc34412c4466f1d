import { errorCode } from '../error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { diskErrorText, type Disk } from './disk'

/** File that says that all is held; the one for a domain is `@DOMAIN`. */
const ALL = 'all'

/** As domains stand in intake addresses: ASCII, lower case; brackets are of address literals. */
const DOMAIN = /^[a-z0-9.:[\]-]{1,250}$/

/**
 * What is held: everything, or the copies for some domains. Each hold is an empty file beside the
 * queue, so that a restart, and a worker that is started in place of a dead one, know of it; and all
 * processes can set and lift it at the same time.
 */
export class Holds {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly report: Report
  private readonly names: Set<string>

  constructor(deps: { directory: QueueDirectory; disk: Disk; report: Report }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.report = deps.report
    const isHold = (name: string) => name === ALL || (name[0] === '@' && DOMAIN.test(name.slice(1)))
    this.names = new Set(this.directory.holdNames().filter(isHold))
  }

  isHeld(domain: string): boolean {
    return this.names.has(ALL) || this.names.has(`@${domain}`)
  }

  /** The domains that are held; `all` when everything is. */
  get list(): readonly string[] {
    return [...this.names].map((name) => name.replace(/^@/, ''))
  }

  /**
   * Takes effect at once; resolves when a restart knows of it, or a line says that none will. Throws
   * when it is not a domain.
   */
  hold(domain?: string): Promise<void> {
    const name = nameOf(domain)
    this.names.add(name)
    return this.stored(name, async (path) => {
      await this.disk.makeFolder(this.directory.holdFolder)
      const file = await this.disk.create(path)
      await file.close()
    })
  }

  /** Without a domain every hold is lifted. */
  release(domain?: string): Promise<unknown> {
    const names = domain === undefined ? [...this.names] : [nameOf(domain)]
    for (const name of names) this.names.delete(name)
    return Promise.all(names.map((name) => this.stored(name, (path) => this.disk.unlink(path))))
  }

  private async stored(name: string, work: (path: string) => Promise<void>): Promise<void> {
    try {
      await work(this.directory.holdPath(name))
    } catch (error) {
      // Another process was first.
      if (['EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return
      this.report({ kind: 'hold-not-stored', why: diskErrorText(error) })
    }
  }
}

function nameOf(domain: string | undefined): string {
  if (domain === undefined) return ALL
  const name = domain.toLowerCase()
  if (!DOMAIN.test(name)) throw new RangeError(`${JSON.stringify(domain)} is not a domain`)
  return `@${name}`
}
