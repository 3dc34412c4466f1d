import { errorCode } from '../base/error-code'
import { NO_FILE } from './found-file'

/** What a disk error means, whatever was tried; unknown codes speak for themselves. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the queue disk',
  EDQUOT: 'the disk quota of the queue is used up',
  EROFS: 'the queue disk is read-only',
  EIO: 'the queue disk reports an input/output error',
  ENOENT: 'the queue file or directory is gone',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  EFBIG: 'the queue file is too large',
}

const FORBIDDEN: ReadonlySet<string> = new Set(['EACCES', 'EPERM'])

/** What was tried, by the system call that failed; others have their own name. */
const TRIED: Readonly<Record<string, string>> = {
  access: 'writing',
  fsync: 'making it durable',
  ftruncate: 'writing',
  mkdir: 'making the folder',
  open: 'opening',
  opendir: 'listing the folder',
  read: 'reading',
  rename: 'renaming',
  scandir: 'listing the folder',
  unlink: 'removing',
  write: 'writing',
}

/** For the log. */
export function diskErrorText(error: unknown): string {
  const code = errorCode(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  if (NO_FILE.has(code)) return `it is no file (${code})`
  if (MEANINGS[code]) return `${MEANINGS[code]} (${code})`
  const { syscall = 'the disk' } = error as { syscall?: string }
  const text = `${TRIED[syscall] ?? syscall} failed (${code})`
  return FORBIDDEN.has(code) ? `no permission: ${text}` : text
}
