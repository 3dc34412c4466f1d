import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import { within } from '../support/within'
import type { Restart } from './servers'

const START_DEADLINE = 20_000
const STOP_DEADLINE = 10_000

/** A server in the foreground, in a process group of its own that ends with it. */
export class Daemon {
  private child: ChildProcess | undefined
  private output = ''

  constructor(
    private readonly command: readonly string[],
    private readonly port: number,
    private readonly env: Readonly<Record<string, string>> = {},
  ) {}

  get pid(): number {
    return this.child?.pid ?? 0
  }

  /** The end of what it printed. */
  get printed(): string {
    return this.output.slice(-2_000)
  }

  async start(): Promise<void> {
    const [program = '', ...args] = this.command
    const env = { ...process.env, ...this.env }
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    }
    const killWithUs = (): void => killGroup(child, 'SIGKILL')
    process.prependOnceListener('exit', killWithUs)
    child.once('exit', () => process.off('exit', killWithUs))
    this.child = child
    const isOver = (): boolean => child.exitCode !== null
    const end = Date.now() + START_DEADLINE
    while (!(await isListening(this.port))) {
      if (isOver() || Date.now() > end) throw new Error(`${program} did not start\n${this.printed}`)
      await sleep(50)
    }
  }

  /** Ends it and all its processes, and waits until nobody listens. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this
    if (!child) return
    const ended =
      child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    killGroup(child, signal)
    await within(STOP_DEADLINE, 'the end of a server', Promise.resolve(ended)).catch(
      () => undefined,
    )
    killGroup(child, 'SIGKILL')
    this.child = undefined
    let listens = true
    await comesTrue(() => {
      void isListening(this.port).then((does) => (listens = does))
      return !listens
    }, STOP_DEADLINE)
  }

  private async stopFirst(): Promise<void> {
    const { child } = this
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await within(STOP_DEADLINE, 'the end of a server', ended)
  }

  async restart({ signal, firstAlone, awayFor = 0 }: Restart = {}): Promise<void> {
    if (firstAlone) await this.stopFirst()
    else await this.stop(signal)
    await sleep(awayFor)
    await this.start()
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(pid ?? 0), signal)
  } catch {
    // It has ended.
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
