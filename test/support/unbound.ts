import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { programPath } from './needs'
import { makeTempDir } from './temp-dir'

/** A zone as its file has it, without the SOA and NS records that each has. */
export interface TestZone {
  readonly name: string
  readonly records: readonly string[]
  readonly signed: boolean
  /** What is changed in the file after it was signed. */
  readonly spoil?: (file: string) => string
}

/** Programs that are missing on this machine; undefined: none. */
export function missingForUnbound(): string | undefined {
  const missing = PROGRAMS.filter((program) => programPath(program) === undefined)
  return missing.length > 0 ? missing.join(', ') : undefined
}

const PROGRAMS = ['unbound', 'ldns-keygen', 'ldns-signzone']

/** unbound with zones of its own, signed here, and the keys of the signed ones as its trust anchors. */
export class Unbound {
  private constructor(
    private readonly process: ChildProcess,
    readonly server: { address: string; port: number },
  ) {}

  static async start(zones: readonly TestZone[]): Promise<Unbound> {
    const folder = makeTempDir('unbound')
    chmodSync(folder, 0o755)
    const port = await freePort()
    const config = join(folder, 'unbound.conf')
    writeFileSync(config, serverText(folder, port))
    for (const zone of zones) appendFileSync(config, zoneText(folder, zone))
    // Below `server:`, so before the zones.
    const anchors = zones.filter(({ signed }) => signed).map(({ name }) => anchorOf(folder, name))
    writeFileSync(config, readFileSync(config, 'utf8').replace('#ANCHORS', anchors.join('\n  ')))
    const unbound = spawn('unbound', ['-d', '-c', config])
    const log: string[] = []
    const found = new Unbound(unbound, { address: '127.0.0.1', port })
    await new Promise<void>((resolve, reject) => {
      unbound.stderr.on('data', (text: Buffer) => {
        log.push(String(text))
        if (String(text).includes('start of service')) resolve()
      })
      unbound.once('exit', () => reject(new Error(`unbound ended: ${log.join('')}`)))
    })
    return found
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.kill()
    await ended
  }
}

function serverText(folder: string, port: number): string {
  return `server:
  interface: 127.0.0.1
  port: ${port}
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  module-config: "validator iterator"
  local-zone: "test." nodefault
  #ANCHORS
remote-control:
  control-enable: no
`
}

function zoneText(folder: string, { name, records, signed, spoil }: TestZone): string {
  const file = join(folder, `${name}.zone`)
  const soa = `@ 60 IN SOA ns.${name}. hostmaster.${name}. 1 3600 600 86400 60`
  const ns = [`@ 60 IN NS ns.${name}.`, 'ns 60 IN A 127.0.0.1']
  writeFileSync(file, [`$ORIGIN ${name}.`, soa, ...ns, ...records, ''].join('\n'))
  if (signed) {
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { cwd: folder, encoding: 'utf8' }).trim()
    const key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', '-r', '/dev/urandom', name)
    run('ldns-signzone', '-n', '-f', file, file, key)
    writeFileSync(join(folder, `${name}.anchor`), readFileSync(join(folder, `${key}.key`)))
    if (spoil) writeFileSync(file, spoil(readFileSync(file, 'utf8')))
  }
  return `auth-zone:
  name: "${name}"
  zonefile: "${file}"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
`
}

function anchorOf(folder: string, name: string): string {
  return `trust-anchor-file: "${join(folder, `${name}.anchor`)}"`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** In the third octet of flags (RFC 4035 section 3.2.3). */
const AUTHENTIC = 0x20

/** Somebody on the way who takes the AD bit out of each answer by UDP. */
export class ClearingProxy {
  private constructor(private readonly socket: Socket) {}

  static async start(upstream: { address: string; port: number }): Promise<ClearingProxy> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    socket.on('message', (query, from) => {
      const up = createSocket('udp4')
      up.once('message', (answer) => {
        answer.writeUInt8(answer.readUInt8(3) & ~AUTHENTIC, 3)
        socket.send(answer, from.port, from.address, () => up.close())
      })
      up.send(query, upstream.port, upstream.address)
    })
    return new ClearingProxy(socket)
  }

  get server(): { address: string; port: number } {
    return { address: '127.0.0.1', port: this.socket.address().port }
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()))
  }
}
