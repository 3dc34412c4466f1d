import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { KeyAndCertificate } from '../support/certificates'
import { run } from '../support/run'
import { makeTempDir, removeTempDir } from '../support/temp-dir'

export interface PostfixOptions {
  readonly name: string
  /** The domain that it takes mail for. */
  readonly domain: string
  readonly certificate: KeyAndCertificate
  /** Where it sends on everything that it takes. */
  readonly nextHop: { readonly host: string; readonly port: number }
}

export interface Postfix {
  readonly host: string
  readonly port: number
  log(): string
  close(): Promise<void>
}

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
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const dir = makeTempDir('postfix')
  const config = join(dir, 'config')
  // Postfix's own user has to pass through.
  chmodSync(dir, 0o755)
  for (const name of ['config', 'queue', 'data']) mkdirSync(join(dir, name), { mode: 0o755 })
  execFileSync('chown', ['postfix', join(dir, 'data')])
  const { key, cert } = options.certificate
  writeFileSync(join(config, 'chain.pem'), `${key}\n${cert}\n`, { mode: 0o600 })
  writeFileSync(join(config, 'main.cf'), mainCf(dir, options))

  const postfix = (command: string) => run('postfix', ['-c', config, command])
  const log = () => readFileSync(join(dir, 'log'), 'utf8')
  const port = await startOnFreePort(config, () => postfix('start'), log)
  // It is a daemon and would outlive us.
  const stopWithUs = () => execFileSync('postfix', ['-c', config, 'abort'], { stdio: 'ignore' })
  process.prependOnceListener('exit', stopWithUs)
  return {
    host: '127.0.0.1',
    port,
    log,
    async close() {
      process.off('exit', stopWithUs)
      await postfix('stop')
      removeTempDir(dir)
    },
  }
}

/** `postfix start` returns once the ports are bound, or fails. */
async function startOnFreePort(
  config: string,
  start: () => Promise<unknown>,
  log: () => string,
): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    writeFileSync(join(config, 'master.cf'), masterCf(port))
    try {
      await start()
      return port
    } catch (error) {
      // Somebody may take the port between our look and Postfix's bind: then take another.
      if (tries === 5 || !log().includes('Address already in use')) {
        throw new Error(`Postfix did not start\n${log()}`, { cause: error })
      }
    }
  }
}

function mainCf(dir: string, options: PostfixOptions): string {
  return settings({
    compatibility_level: '3.6',
    queue_directory: join(dir, 'queue'),
    data_directory: join(dir, 'data'),
    maillog_file: join(dir, 'log'),
    maillog_file_prefixes: dir,
    myhostname: options.name,
    mydestination: '',
    mynetworks: '',
    relay_domains: options.domain,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    smtpd_relay_restrictions: 'permit_auth_destination, reject',
    smtpd_peername_lookup: 'no',
    smtpd_tls_security_level: 'encrypt',
    smtpd_tls_chain_files: join(dir, 'config', 'chain.pem'),
    smtpd_tls_mandatory_protocols: '>=TLSv1.2',
    smtpd_tls_received_header: 'yes',
    smtpd_tls_loglevel: '1',
    message_size_limit: '104857600',
    // On to the next hop as it came: no look-ups, no conversion, no folding.
    relayhost: `[${options.nextHop.host}]:${options.nextHop.port}`,
    smtp_dns_support_level: 'disabled',
    smtp_tls_security_level: 'none',
    smtp_line_length_limit: '0',
    disable_mime_output_conversion: 'yes',
    alias_maps: '',
    alias_database: '',
  })
}

function settings(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

/** The services that taking mail and sending it on needs, none of them in a chroot. */
function masterCf(port: number): string {
  return [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'scache unix - - n - 1 scache',
    'anvil unix - - n - 1 anvil',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n')
}

/** A port that was free a moment ago: Postfix cannot be told to take any. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
