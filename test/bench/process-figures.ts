import { readdirSync, readFileSync } from 'node:fs'

/** Milliseconds of processor time that all threads of a process have had. */
export function processorTime(pid: number): number {
  const tasks = `/proc/${pid}/task`
  let nanoseconds = 0
  for (const task of readdirSync(tasks)) {
    nanoseconds += Number(readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0])
  }
  return nanoseconds / 1e6
}

/** MB of memory that a process has now, and the most that it has had. */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const value = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { now: value('VmRSS'), peak: value('VmHWM') }
}
