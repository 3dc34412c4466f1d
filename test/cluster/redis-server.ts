import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Context } from 'mocha'
import { run } from '../support/run'
import { makeTempDir } from '../support/temp-dir'
import { within } from '../support/within'

const START_DEADLINE = 10_000

/** What is missing for running a Redis here, in one sentence; undefined: nothing. */
export function whatIsMissing(): string | undefined {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    execFileSync('redis-cli', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'Redis is not installed (Debian: apt-get install redis-server)'
  }
}

/** Skips a test, or all behind a hook, with the sentence about what is missing. */
export function needRedis(test: Context): void {
  const missing = whatIsMissing()
  if (missing === undefined) return
  console.log(`      ${missing}`)
  test.skip()
}

interface PemFiles {
  readonly cert: string
  readonly key: string
}

/** A real redis-server on a port of its own, which keeps nothing on disk. */
export class RedisServer {
  private child: ChildProcess | undefined

  private constructor(
    readonly port: number,
    private readonly args: readonly string[],
    /** With which redis-cli is let in. */
    private readonly access: readonly string[],
  ) {}

  /** Over TLS alone, and for clients with a certificate: names of files. */
  static async startTls(ca: string, own: PemFiles, client: PemFiles): Promise<RedisServer> {
    const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', own.cert, '--tls-key-file', own.key]
    const access = ['--tls', '--cacert', ca, '--cert', client.cert, '--key', client.key]
    return RedisServer.start(files, access)
  }

  static async start(
    settings: readonly string[] = [],
    access: readonly string[] = [],
  ): Promise<RedisServer> {
    const port = await freePort()
    const isTls = access.includes('--tls')
    const ports = isTls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]
    const own = [...ports, '--bind', '127.0.0.1', '--dir', makeTempDir('redis')]
    const args = [...own, '--save', '', '--appendonly', 'no', ...settings]
    return new RedisServer(port, args, access).first()
  }

  /** One that watches others as these lines of its file say. */
  static async startSentinel(lines: readonly string[]): Promise<RedisServer> {
    const [port, dir] = [await freePort(), makeTempDir('sentinel')]
    const file = join(dir, 'sentinel.conf')
    writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${dir}`, ...lines, ''].join('\n'))
    return new RedisServer(port, [file, '--sentinel'], []).first()
  }

  private async first(): Promise<this> {
    if (started.size === 0) process.prependOnceListener('exit', endAll)
    started.add(this)
    await this.start()
    return this
  }

  /** Haraka's redis.ini for it. */
  get ini(): string {
    return `[server]\nhost=127.0.0.1\nport=${this.port}\n`
  }

  /** The same, as haraka-config has read it. */
  get sections() {
    return { server: { host: '127.0.0.1', port: this.port } }
  }

  get isUp(): boolean {
    return this.child !== undefined
  }

  async start(): Promise<void> {
    const child = spawn('redis-server', this.args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.child = child
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (/Ready to accept connections|Sentinel ID is/.test(line)) resolve()
      })
    })
    await within(START_DEADLINE, 'redis-server does not listen', ready)
  }

  async kill9(): Promise<void> {
    const { child } = this
    if (!child) return
    this.child = undefined
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }

  kill(): void {
    this.child?.kill('SIGKILL')
  }

  /** It answers nobody until `go`, and its connections stay. */
  pause(): void {
    this.child?.kill('SIGSTOP')
  }

  go(): void {
    this.child?.kill('SIGCONT')
  }

  /** One command by redis-cli; what it prints. */
  async command(...words: string[]): Promise<string> {
    return (await run('redis-cli', ['-p', String(this.port), ...this.access, ...words])).trim()
  }

  close(): Promise<void> {
    this.go()
    return this.kill9()
  }
}

const started = new Set<RedisServer>()

function endAll(): void {
  for (const each of started) each.kill()
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
