import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyAndCertificate } from './certificates'
import { comesTrue } from './comes-true'
import { run } from './run'
import { makeTempDir, removeTempDir } from './temp-dir'

export interface PostfixOptions {
  readonly certificate: KeyAndCertificate
  /** PEM of the roots that it trusts when it sends. */
  readonly ca?: string
  /** Default: any free one. */
  readonly port?: number
  /** Of main.cf, over those below. */
  readonly settings: Readonly<Record<string, string>>
}

export interface Postfix {
  readonly host: string
  readonly port: number
  log(): string
  /** No message waits in one of its queues. */
  isEmpty(): boolean
  /** Stops it, at once with SIGKILL, and starts it, `awayFor` milliseconds later, with its queue. */
  restart(how?: { signal?: 'SIGTERM' | 'SIGKILL'; awayFor?: number }): Promise<void>
  /** A Postfix command of this instance, such as `postqueue -f`. */
  command(name: string, ...args: string[]): Promise<string>
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const QUEUES = ['maildrop', 'incoming', 'active', 'deferred']

/** What is missing for running a Postfix here, in one sentence; undefined: nothing. */
export function whatIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'Postfix can only be started by root'
  try {
    execFileSync('postconf', ['mail_version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'Postfix is not installed (Debian: apt-get install postfix)'
  }
}

/** A Postfix of its own: configuration, queue and log in a temporary directory, on a free port. */
export async function startPostfix({
  certificate,
  ca = '',
  port: wanted,
  settings,
}: PostfixOptions) {
  const dir = makeTempDir('postfix')
  const config = join(dir, 'config')
  // Postfix's own user has to pass through.
  chmodSync(dir, 0o755)
  for (const name of ['config', 'queue', 'data']) mkdirSync(join(dir, name), { mode: 0o755 })
  execFileSync('chown', ['postfix', join(dir, 'data')])
  const files = {
    'chain.pem': `${certificate.key}\n${certificate.cert}\n`,
    'ca.pem': ca,
    'main.cf': mainCf({ ...common(dir), ...settings }),
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(config, name), text, { mode: name === 'chain.pem' ? 0o600 : 0o644 })
  }
  const log = () => readFileSync(join(dir, 'log'), 'utf8')
  const port = await startOn(wanted, config, log)
  // It is a daemon and would outlive us.
  const stopWithUs = () => execFileSync('postfix', ['-c', config, 'abort'], { stdio: 'ignore' })
  process.prependOnceListener('exit', stopWithUs)
  const postfix: Postfix = {
    host: HOST,
    port,
    log,
    isEmpty: () => QUEUES.every((name) => readdirSync(join(dir, 'queue', name)).length === 0),
    async restart({ signal = 'SIGTERM', awayFor = 0 } = {}) {
      await run('postfix', ['-c', config, signal === 'SIGKILL' ? 'abort' : 'stop'])
      await sleep(awayFor)
      await run('postfix', ['-c', config, 'start'])
    },
    command: (name, ...args) => run(name, ['-c', config, ...args]),
    async close() {
      process.off('exit', stopWithUs)
      await run('postfix', ['-c', config, 'stop'])
      await removeInTime(dir)
    },
  }
  return postfix
}

/** `postfix start` returns once the ports are bound, or fails. */
async function startOn(
  wanted: number | undefined,
  config: string,
  log: () => string,
): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = wanted ?? (await freePort())
    writeFileSync(join(config, 'master.cf'), masterCf(port))
    try {
      await run('postfix', ['-c', config, 'start'])
      return port
    } catch (error) {
      // Somebody may take the port between our look and Postfix's bind: then take another.
      if (tries === 5 || !log().includes('Address already in use')) {
        throw new Error(`Postfix did not start\n${log()}`, { cause: error })
      }
    }
  }
}

/** Its last processes may still write for a moment. */
async function removeInTime(dir: string): Promise<void> {
  const removed = () => {
    try {
      removeTempDir(dir)
      return true
    } catch {
      return false
    }
  }
  if (!(await comesTrue(removed, 5_000))) removeTempDir(dir)
}

function common(dir: string): Readonly<Record<string, string>> {
  return {
    compatibility_level: '3.6',
    queue_directory: join(dir, 'queue'),
    data_directory: join(dir, 'data'),
    maillog_file: join(dir, 'log'),
    maillog_file_prefixes: dir,
    mydestination: '',
    inet_interfaces: HOST,
    inet_protocols: 'ipv4',
    smtpd_peername_lookup: 'no',
    smtpd_tls_chain_files: join(dir, 'config', 'chain.pem'),
    smtp_tls_CAfile: join(dir, 'config', 'ca.pem'),
    smtp_dns_support_level: 'disabled',
    alias_maps: '',
    alias_database: '',
  }
}

function mainCf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

/** The services that are needed here, none of them in a chroot. */
function masterCf(port: number): string {
  return [
    `${HOST}:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'tlsproxy unix - - n - 0 tlsproxy',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'virtual unix - n n - - virtual',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'scache unix - - n - 1 scache',
    'anvil unix - - n - 1 anvil',
    'showq unix n - n - - showq',
    'flush unix n - n 1000? 0 flush',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n')
}

/** A port that was free a moment ago, for a server that cannot be told to take any. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
