import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Ledger } from './ledger'
import { pluginName, unpackInto } from './packed-plugin'
import { queueNames } from './queue-names'
import { repository, runScript } from './run'
import { makeTempDir, removeTempDir } from './temp-dir'
import { within } from './within'

export interface HarakaOptions {
  /** config/plugins, in order. With `tdc` among them, the packed plugin is put in. */
  readonly plugins: readonly string[]
  /** Files for config/, over those of `haraka -i` and the defaults below. */
  readonly config?: Readonly<Record<string, string>>
  /** Plain-file plugins: name -> source. */
  readonly localPlugins?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Arguments for node before Haraka's own, such as `-r` and a preload file. */
  readonly nodeArgs?: readonly string[]
  /**
   * A command that node is run under, such as `strace` or `prlimit` with their options; it is given
   * the server directory and must become node's process, or be its parent in the same group.
   */
  readonly under?: (serverDir: string) => readonly string[]
  /** Worker processes; 0, the default: everything in one process. */
  readonly nodes?: number
  /** Puts the plugin into the server directory in place of `unpackInto`. */
  readonly install?: (serverDir: string) => Promise<void>
}

const HARAKA = 'haraka/bin/haraka'
const START_DEADLINE = 20_000
const STOP_DEADLINE = 10_000

const DEFAULTS: Readonly<Record<string, string>> = {
  me: 'mx.gateway.test\n',
  host_list: 'example.com\n',
  'log.ini': '[main]\nlevel=info\ntimestamps=false\nformat=default\n',
}

/** A server directory as `haraka -i` makes it, with the plugin and the files that are asked for. */
export async function makeServerDir(options: HarakaOptions): Promise<string> {
  const dir = makeTempDir('haraka')
  await runScript(HARAKA, ['-i', dir])
  if (options.plugins.includes('tdc')) await (options.install ?? unpackInto)(dir)
  const config: Record<string, string> = {
    ...DEFAULTS,
    // A port of 0 asks the system for a free one; Haraka's log says which it is.
    'smtp.ini': `[main]\nlisten=127.0.0.1:0\nnodes=${options.nodes ?? 0}\n`,
    ...options.config,
    plugins: options.plugins.join('\n') + '\n',
  }
  for (const [name, text] of Object.entries(config)) {
    writeFileSync(join(dir, 'config', name), text)
  }
  for (const [name, source] of Object.entries(options.localPlugins ?? {})) {
    writeFileSync(join(dir, 'plugins', `${name}.js`), source)
  }
  return dir
}

/** A real Haraka in a directory of its own, once it listens. */
export async function startHaraka(options: HarakaOptions): Promise<HarakaServer> {
  const server = new HarakaServer(await makeServerDir(options), options)
  await server.start()
  return server
}

export class HarakaServer {
  /** Every line of standard output and standard error, over all starts. */
  readonly lines = new Ledger<string>()
  private child: ChildProcess | undefined
  private ended: Promise<void> = Promise.resolve()
  private listensOn = 0
  /** Where the lines of the present run begin. */
  private runStart = 0
  private readonly killed: number[] = []

  constructor(
    readonly dir: string,
    private readonly options: Pick<HarakaOptions, 'env' | 'nodeArgs' | 'under'> = {},
  ) {}

  /** The log of the present run. */
  get log(): readonly string[] {
    return this.lines.entries.slice(this.runStart)
  }

  /** How often it had been killed by then, on `performance.now()`'s clock. */
  killsBefore(time: number): number {
    return this.killed.filter((kill) => kill < time).length
  }

  /** Where it accepts mail; another one after each start. */
  get port(): number {
    return this.listensOn
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  get running(): boolean {
    return this.child !== undefined
  }

  async start(): Promise<void> {
    this.runStart = this.lines.size
    const { nodeArgs = [], env = {}, under } = this.options
    const script = join(repository, 'node_modules', HARAKA)
    // A process group of its own, so that workers end with their master and Ctrl-C is ours alone.
    const node = [process.execPath, ...nodeArgs, script, '-c', this.dir]
    const [program = '', ...args] = [...(under?.(this.dir) ?? []), ...node]
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.child = child
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.lines.add(line))
    }
    const killWithUs = () => signalGroup(child, 'SIGKILL')
    // Before the temporary directories go.
    process.prependOnceListener('exit', killWithUs)
    this.ended = once(child, 'close').then(() => {
      process.off('exit', killWithUs)
      this.child = undefined
    })
    const line = await this.waitForLine(LISTENING, START_DEADLINE)
    this.listensOn = Number(LISTENING.exec(line)?.[1])
  }

  /** The first line of the present run, there already or to come, that matches. */
  async waitForLine(
    wanted: string | RegExp | ((line: string) => boolean),
    milliseconds = 10_000,
  ): Promise<string> {
    let stillWanted = true
    const ended = this.ended.then(() => {
      if (stillWanted) throw new Error(`Haraka ended without a line ${wanted}\n${this.tail()}`)
      return ''
    })
    const what = () => `no line ${wanted} in the log\n${this.tail()}`
    const line = this.lines.first(matcher(wanted), milliseconds, what, this.runStart)
    return Promise.race([line, ended]).finally(() => {
      stillWanted = false
    })
  }

  /** The end of the log, for the text of an error. */
  tail(lines = 60): string {
    return this.log.slice(-lines).join('\n')
  }

  /** Asks it to end, by default as an administrator would, and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.child
    if (child === undefined) return
    if (signal === 'SIGKILL') this.killed.push(performance.now())
    child.kill(signal)
    try {
      await within(STOP_DEADLINE, () => `Haraka still runs\n${this.tail()}`, this.ended)
    } finally {
      signalGroup(child, 'SIGKILL')
    }
  }

  /** Ends the process and its workers as a crash would. */
  async kill9(): Promise<void> {
    this.killed.push(performance.now())
    if (this.child === undefined) return
    signalGroup(this.child, 'SIGKILL')
    await within(STOP_DEADLINE, 'a killed Haraka still runs', this.ended)
  }

  async restart(signal?: NodeJS.Signals): Promise<void> {
    await this.stop(signal)
    await this.start()
  }

  /** Ends it and removes its directory. */
  async remove(): Promise<void> {
    await this.kill9()
    removeTempDir(this.dir)
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal)
  }

  /** Replaces a file of config/, which Haraka watches. */
  writeConfig(name: string, text: string): void {
    writeFileSync(join(this.dir, 'config', name), text)
  }

  /** A file of config/. */
  config(name: string): string {
    return readFileSync(join(this.dir, 'config', name), 'utf8')
  }

  /** Names of the files in the queue directory. */
  queueFiles(): string[] {
    return queueNames(join(this.dir, 'queue'))
  }

  /** `haraka-tdc ...` of the plugin that is in the server directory. */
  async tdc(...args: string[]): Promise<Ended> {
    const { nodeArgs = [], env = {} } = this.options
    const { bin } = JSON.parse(
      readFileSync(join(this.dir, 'node_modules', pluginName, 'package.json'), 'utf8'),
    ) as { bin: { 'haraka-tdc': string } }
    const program = join(this.dir, 'node_modules', pluginName, bin['haraka-tdc'])
    const child = spawn(process.execPath, [...nodeArgs, program, ...args], {
      cwd: this.dir,
      env: { ...process.env, ...env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, err }
  }

  /** `haraka -c DIR ...`, such as `--qlist`; what it prints. */
  command(...args: string[]): Promise<string> {
    const env = { ...process.env, ...this.options.env, PAGER: 'cat' }
    return runScript(HARAKA, ['-c', this.dir, ...args], { env })
  }
}

/** How a program ended, and what it wrote. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const LISTENING = /Listening on 127\.0\.0\.1:(\d+)/

/** A log line without Haraka's prefix of level, uuid and origin. */
export function logText(line: string): string {
  return line.replace(/^\[[A-Z]+\] \[[^\]]*\] \[[^\]]*\] /, '')
}

/** Lines in which the connector complains, or anything ends; Haraka's own errors are its own. */
export function complaints(log: readonly string[]): string[] {
  return log.filter((line) =>
    /^\[(WARN|ERROR)\] \[[^\]]*\] \[tdc\]|^\[(CRIT|ALERT|EMERG)\]/.test(line),
  )
}

function matcher(wanted: string | RegExp | ((line: string) => boolean)) {
  if (typeof wanted === 'function') return wanted
  if (typeof wanted === 'string') return (line: string) => line.includes(wanted)
  return (line: string) => wanted.test(line)
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // All of the group have ended already.
  }
}
