import { asciiDomain } from './address'

/** Which of the written machines this one is. */
type Self =
  | { readonly kind: 'machine'; readonly name: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly name: string; readonly candidates: readonly string[] }

/**
 * The machines that tdc.ini names. One machine may stand there in full (mx1.example.org) and short
 * (mx1); the full name is the one that everything else works with.
 */
export class MachineNames {
  private readonly written: ReadonlySet<string>
  /** Short name -> the full names that begin with it. */
  private readonly full = new Map<string, string[]>()

  constructor(names: Iterable<string>) {
    this.written = new Set(Array.from(names, lower))
    for (const name of this.written) {
      if (!isShort(name)) this.full.set(short(name), [...this.fullNames(short(name)), name])
    }
  }

  /** The full names that a short one may stand for. */
  fullNames(name: string): readonly string[] {
    return this.full.get(lower(name)) ?? []
  }

  /** One name for each machine, however it was written. */
  canonical(name: string): string {
    const written = lower(name)
    const [full, another] = isShort(written) ? this.fullNames(written) : []
    return full !== undefined && another === undefined ? full : written
  }

  /** The hostname as it is, then config/me as it is, then both by their short form. */
  self(hostname: string, me: string): Self {
    const own = [hostname, me].map(ownName).filter((name) => name !== '')
    const exact = own.find((name) => this.written.has(name))
    if (exact !== undefined) return { kind: 'machine', name: this.canonical(exact) }
    for (const name of own) {
      const candidates = isShort(name) ? this.fullNames(name) : this.shortFor(name)
      if (candidates.length > 1) return { kind: 'ambiguous', name, candidates }
      if (candidates[0] !== undefined) return { kind: 'machine', name: candidates[0] }
    }
    return { kind: 'none' }
  }

  /** A full name is the machine written short, unless that one stands for another full name. */
  private shortFor(name: string): readonly string[] {
    const written = short(name)
    return this.written.has(written) && this.fullNames(written).length === 0 ? [written] : []
  }
}

function lower(name: string): string {
  return name.toLowerCase()
}

/** The system may write its own name with the root's dot. */
export function ownName(name: string): string {
  const bare = name.trim().replace(/\.$/, '')
  return asciiDomain(bare) ?? lower(bare)
}

function isShort(name: string): boolean {
  return !name.includes('.')
}

function short(name: string): string {
  return name.split('.', 1)[0] ?? name
}
