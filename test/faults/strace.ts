import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { within } from '../support/within'

/** One system call as strace wrote it, with the numbers of the lines in which it began and ended. */
export interface SystemCall {
  readonly name: string
  /** What stands between the parentheses, octets as strace escapes them. */
  readonly args: string
  /** What follows the equals sign: `0`, `512`, `-1 EIO (...)`; `?` when it never returned. */
  readonly result: string
  readonly begun: number
  readonly ended: number
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += +(.+)$/
const UNFINISHED = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += +(.+)$/

/** The calls of a log that was written with `-f -o`, in the order in which they ended. */
export function systemCalls(log: string): SystemCall[] {
  const calls: SystemCall[] = []
  const open = new Map<string, { name: string; args: string; begun: number }>()
  for (const [at, line] of log.split('\n').entries()) {
    const [, , name = '', args = '', result = ''] = WHOLE.exec(line) ?? []
    if (name) {
      calls.push({ name, args, result, begun: at, ended: at })
      continue
    }
    const [, beginner = '', begunName = '', begunArgs = ''] = UNFINISHED.exec(line) ?? []
    if (begunName) {
      open.set(beginner, { name: begunName, args: begunArgs, begun: at })
      continue
    }
    const [, ender = '', endedName = '', restOfArgs = '', endResult = ''] = RESUMED.exec(line) ?? []
    const begun = open.get(ender)
    if (!begun || begun.name !== endedName) continue
    open.delete(ender)
    calls.push({ ...begun, args: begun.args + restOfArgs, result: endResult, ended: at })
  }
  return calls
}

const ATTACH_DEADLINE = 10_000

/** strace on a process that already runs, with all its threads. */
export class Strace {
  private readonly ended: Promise<unknown>

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, 'close')
  }

  /** From now on every call counts, so that `when=` in an injection means what the test means. */
  static async attach(pid: number, options: readonly string[]): Promise<Strace> {
    const args = ['-f', '-p', String(pid), ...options]
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const killWithUs = () => child.kill('SIGKILL')
    process.prependOnceListener('exit', killWithUs)
    child.once('close', () => process.off('exit', killWithUs))
    const strace = new Strace(child)
    const attached = new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (/ attached/.test(line)) resolve()
      })
      child.once('error', reject)
      child.once('close', () => reject(new Error('strace ended before it was attached')))
    })
    await within(ATTACH_DEADLINE, 'strace is not attached', attached)
    return strace
  }

  /** Lets the process go on without it. */
  async detach(): Promise<void> {
    this.child.kill('SIGINT')
    await this.ended
  }
}
