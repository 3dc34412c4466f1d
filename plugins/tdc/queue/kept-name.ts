import { isMid } from './copy-notes'

/** Why a copy was given up. */
export const CAUSES = ['tls-error', 'hard-bounce', 'expired'] as const
export type Cause = (typeof CAUSES)[number]

/** A copy that was given up and kept. All of it stands in its file's name, so no file need be opened. */
export interface KeptCopy {
  readonly file: string
  readonly mid: string
  readonly cause: Cause
  /** When it was given up, milliseconds since 1970. */
  readonly at: number
  /** Octets of the file. */
  readonly bytes: number
}

/** `1763700000000_5312_expired_MID`; only the MID, which is last, may hold an underscore. */
const NAME = /^(\d{1,15})_(\d{1,15})_([a-z-]+)_(.+)$/

export function keptName({ at, bytes, cause, mid }: Omit<KeptCopy, 'file'>): string {
  return [at, bytes, cause, mid].join('_')
}

/** Undefined for a file that is not ours. */
export function parseKeptName(file: string): KeptCopy | undefined {
  const [, at, bytes, word, mid] = NAME.exec(file) ?? []
  const cause = CAUSES.find((known) => known === word)
  if (cause === undefined || !isMid(mid)) return undefined
  return { file, mid, cause, at: Number(at), bytes: Number(bytes) }
}
