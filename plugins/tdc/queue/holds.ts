import { errorCode } from '../base/error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import type { Disk } from './disk'
import { diskErrorText } from './disk-error'

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
  /** What is still to be written, in the order in which it was asked for. */
  private storing: Promise<void> = Promise.resolve()

  constructor(deps: { directory: QueueDirectory; disk: Disk; report: Report }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.report = deps.report
    this.names = new Set(this.readNames())
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
      // EEXIST: another process was first.
      const file = await unless('EEXIST', this.disk.create(path))
      await file?.close()
    })
  }

  /** Without a domain every hold is lifted. Otherwise as `hold`. */
  release(domain?: string): Promise<unknown> {
    const names = domain === undefined ? [...this.names] : [nameOf(domain)]
    for (const name of names) this.names.delete(name)
    return Promise.all(
      // ENOENT: another process was first.
      names.map((name) => this.stored(name, (path) => unless('ENOENT', this.disk.unlink(path)))),
    )
  }

  private readNames(): string[] {
    const isHold = (name: string) => name === ALL || (name[0] === '@' && DOMAIN.test(name.slice(1)))
    try {
      return this.directory.holdNames().filter(isHold)
    } catch (error) {
      this.report({ kind: 'holds-unreadable', why: diskErrorText(error) })
      return []
    }
  }

  /** One after the other: a hold that is slow to be noted must not outlive its release. */
  private stored(name: string, work: (path: string) => Promise<unknown>): Promise<void> {
    const write = async () => {
      try {
        await work(this.directory.holdPath(name))
      } catch (error) {
        this.report({ kind: 'hold-not-stored', why: diskErrorText(error) })
      }
    }
    this.storing = this.storing.then(write)
    return this.storing
  }
}

/** Undefined when `work` fails with this code. */
async function unless<T>(code: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (errorCode(error) !== code) throw error
    return undefined
  }
}

function nameOf(domain: string | undefined): string {
  if (domain === undefined) return ALL
  const name = domain.toLowerCase()
  if (!DOMAIN.test(name)) throw new RangeError(`${JSON.stringify(domain)} is not a domain`)
  return `@${name}`
}
