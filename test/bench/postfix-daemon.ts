import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Trust } from './trust'
import { run } from '../support/run'
import { makeTempDir, removeTempDir } from '../support/temp-dir'

const HOST = '127.0.0.1'

export interface PostfixDaemon {
  readonly port: number
  log(): string
  /** A Postfix command of this instance, such as `postqueue -f`. */
  command(name: string, ...args: string[]): Promise<string>
  close(): Promise<void>
}

/** A Postfix with settings of its own, in a temporary directory, that listens on a free port. */
export async function startPostfixDaemon(
  { certificate, ca }: Trust,
  settings: Readonly<Record<string, string>>,
): Promise<PostfixDaemon> {
  const dir = makeTempDir('postfix')
  const config = join(dir, 'config')
  // Postfix's own user has to pass through.
  chmodSync(dir, 0o755)
  for (const name of ['config', 'queue', 'data']) mkdirSync(join(dir, name), { mode: 0o755 })
  execFileSync('chown', ['postfix', join(dir, 'data')])
  const port = await freePort()
  const files = {
    'chain.pem': `${certificate.key}\n${certificate.cert}\n`,
    'ca.pem': ca,
    'main.cf': lines({ ...common(dir), ...settings }),
    'master.cf': services(port),
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(config, name), text, { mode: name === 'chain.pem' ? 0o600 : 0o644 })
  }
  const log = () => readFileSync(join(dir, 'log'), 'utf8')
  await run('postfix', ['-c', config, 'start']).catch((error: Error) => {
    throw new Error(`Postfix did not start\n${log()}`, { cause: error })
  })
  // It is a daemon and would outlive us.
  const stopWithUs = () => execFileSync('postfix', ['-c', config, 'abort'], { stdio: 'ignore' })
  process.prependOnceListener('exit', stopWithUs)
  return {
    port,
    log,
    command: (name, ...args) => run(name, ['-c', config, ...args]),
    async close() {
      process.off('exit', stopWithUs)
      await run('postfix', ['-c', config, 'stop'])
      await removeInTime(dir)
    },
  }
}

/** Its last processes may still write for a moment. */
async function removeInTime(dir: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return removeTempDir(dir)
    } catch (error) {
      if (tries === 50) throw error
      await sleep(100)
    }
  }
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

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

/** The services that the benchmarks need, none of them in a chroot. */
function services(port: number): string {
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

/** A port that was free a moment ago: Postfix cannot be told to take any. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
