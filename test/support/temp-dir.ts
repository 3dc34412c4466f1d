import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made = new Set<string>()
let atExit = false

/** A new temporary directory; it goes when this process ends, if not before. */
export function makeTempDir(purpose: string): string {
  if (!atExit) process.once('exit', removeAll)
  atExit = true
  const dir = mkdtempSync(join(tmpdir(), `tdc-${purpose}-`))
  made.add(dir)
  return dir
}

export function removeTempDir(dir: string): void {
  // A child that is just dying may still write: try again rather than fail.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
  made.delete(dir)
}

function removeAll(): void {
  for (const dir of made) removeTempDir(dir)
}
