import { errorCode } from '../error-code'
import { NO_FILE } from './found-file'

/** What a disk error means; unknown codes speak for themselves. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the queue disk',
  EDQUOT: 'the disk quota of the queue is used up',
  EROFS: 'the queue disk is read-only',
  EACCES: 'no permission to write to the queue directory',
  EPERM: 'no permission to write to the queue directory',
  EIO: 'the queue disk reports an input/output error',
  ENOENT: 'the queue file or directory is gone',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  EFBIG: 'the queue file is too large',
}

/** For the log. */
export function diskErrorText(error: unknown): string {
  const code = errorCode(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  if (NO_FILE.has(code)) return `it is no file (${code})`
  return MEANINGS[code] ? `${MEANINGS[code]} (${code})` : `writing failed (${code})`
}
