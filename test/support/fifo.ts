import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Seconds until who waits at the pipe is let go, so that a test which hangs fails instead. */
const RESCUE = 3

/** A named pipe that nobody writes to: whoever just opens it, waits. */
export function makeFifo(path: string): { rescued(): boolean; remove(): void } {
  const mark = `${path}.rescued`
  execFileSync('mkfifo', ['-m', '0600', path])
  const rescue = `sleep ${RESCUE}; : > "$1"; exec 3<> "$0"`
  const rescuer = spawn('sh', ['-c', rescue, path, mark], { stdio: 'ignore' })
  return {
    rescued: () => existsSync(mark),
    remove: () => void rescuer.kill(),
  }
}
