import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What each open descriptor of a process leads to; sockets, pipes and the like included. */
export function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)]
    } catch {
      // Closed since it was listed.
      return []
    }
  })
}

/** Octets of memory that the process has now, and had at most. */
export function memoryOf(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const octets = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return { now: octets('VmRSS'), most: octets('VmHWM') }
}
