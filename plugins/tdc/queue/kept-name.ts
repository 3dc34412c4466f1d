import { isMid } from './copy-notes'

/** Why a copy was given up. */
export const CAUSES = ['tls-error', 'hard-bounce', 'expired'] as const
export type Cause = (typeof CAUSES)[number]

/** That a copy was given up. */
export interface GivenUp {
  readonly cause: Cause
  /** The intake did not take copies then: this one may go again when it does. */
  readonly outage: boolean
}

/** A copy that was given up and kept. All of it stands in its file's name, so no file need be opened. */
export interface KeptCopy extends GivenUp {
  readonly file: string
  readonly mid: string
  /** When it was given up, milliseconds since 1970. */
  readonly at: number
  /** Octets of the file. */
  readonly bytes: number
}

/** Kept copies that were asked for. */
export interface KeptListed {
  /** Of all of them, those that are not shown included; octets. */
  readonly count: number
  readonly bytes: number
  /** Intake null: the file is damaged, or gone. */
  readonly copies: readonly (KeptCopy & { readonly intake: string | null })[]
}

/**
 * `1763700000000_5312_expired_MID`, or `..._expired.outage_MID`; only the MID, which is last, may hold an
 * underscore.
 */
const NAME = /^(\d{1,15})_(\d{1,15})_([a-z-]+)(\.outage)?_(.+)$/

export function keptName({ at, bytes, cause, outage, mid }: Omit<KeptCopy, 'file'>): string {
  return [at, bytes, outage ? `${cause}.outage` : cause, mid].join('_')
}

/** Undefined for a file that is not ours. */
export function parseKeptName(file: string): KeptCopy | undefined {
  const [, at, bytes, word, outage, mid] = NAME.exec(file) ?? []
  const cause = CAUSES.find((known) => known === word)
  if (cause === undefined || !isMid(mid)) return undefined
  return {
    file,
    mid,
    cause,
    outage: outage !== undefined,
    at: Number(at),
    bytes: Number(bytes),
  }
}
