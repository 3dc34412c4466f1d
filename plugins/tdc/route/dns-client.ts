import { AUTHENTIC_DATA, CHECKING_DISABLED, DNSSEC_OK, encode, RECURSION_DESIRED } from 'dns-packet'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Clock } from '../clock'
import { type DnsAnswer, type DnsReading, readAnswer, type RecordType } from './dns-answer'

export interface DnsServer {
  readonly address: string
  readonly port: number
}

/** Has a code as Node's own resolver gives it, such as ENOTFOUND or ETIMEOUT. */
export class DnsError extends Error {
  constructor(
    readonly code: string,
    name: string,
    type: string,
  ) {
    super(`${type} ${name}: ${code}`)
  }
}

/** Milliseconds per question to a server, and how often all of them are asked. */
const QUERY_TIMEOUT = 5_000
const QUERY_TRIES = 2
/** Milliseconds for a question in all: well within a copy's 120 s, however many servers there are. */
const LONGEST = 15_000

/** Octets of an answer by UDP that pass every network in one piece (dnsflagday.net/2020). */
const UDP_SIZE = 1232
/** Octets of an answer by TCP: eight whole certificates have 16,000. */
const TCP_SIZE = 16_384
const LENGTH_PREFIX = 2

/** RFC 1035 section 2.3.4, in printable ASCII without the space. */
const NAME = /^(?=.{1,253}$)[!-\-/-~]{1,63}(?:\.[!-\-/-~]{1,63})*$/

/** A validating resolver says ESERVFAIL to that, as to all that it cannot find out. */
const BOGUS = 'EBOGUS'

/** Final for the server that said it: the next one is asked only after other trouble. */
const FINAL: readonly string[] = ['ENOTFOUND', 'ENODATA']

/**
 * Asks a resolver and believes its AD bit (RFC 4035 section 4.9.3), which Node's own does not show. Only
 * for a resolver that validates and that nobody can stand before, such as one on this machine.
 */
export class DnsClient {
  constructor(
    private readonly servers: readonly DnsServer[],
    private readonly clock: Clock,
  ) {}

  /** Rejects with a DnsError. */
  async ask<T extends RecordType>(name: string, type: T): Promise<DnsAnswer<T>> {
    // A name that DNS cannot hold does not exist; the library would write a wrong question.
    if (!NAME.test(name)) throw new DnsError('ENOTFOUND', name, type)
    const end = this.clock.monotonic() + LONGEST
    let code = 'ETIMEOUT'
    for (let round = 0; round < QUERY_TRIES; round++) {
      for (const server of this.servers) {
        const left = Math.min(QUERY_TIMEOUT, end - this.clock.monotonic())
        if (left <= 0) throw new DnsError(code, name, type)
        const reading = await this.askServer(server, name, type, left)
        if (reading.kind === 'answer') return reading.answer
        code = reading.kind === 'failed' ? reading.code : 'EBADRESP'
        if (FINAL.includes(code)) throw new DnsError(code, name, type)
        if (code === 'ESERVFAIL' && (await this.hidesAnswer(server, name, type, left))) code = BOGUS
      }
      // Only silence may end by asking once more; a resolver that found something bogus stays by it.
      if (code !== 'ETIMEOUT') break
    }
    throw new DnsError(code, name, type)
  }

  /** It has an answer that it does not give unasked: what it checked is wrong (RFC 4035 section 3.2.2). */
  private async hidesAnswer(
    server: DnsServer,
    name: string,
    type: RecordType,
    timeout: number,
  ): Promise<boolean> {
    const question = { id: randomInt(0x10000), name, type }
    const read = (octets: Buffer): DnsReading<RecordType> => readAnswer(octets, question)
    const { kind } = await this.byUdp(
      server,
      queryOf(question, true, CHECKING_DISABLED),
      read,
      timeout,
    )
    return kind === 'answer' || kind === 'truncated'
  }

  private async askServer<T extends RecordType>(
    server: DnsServer,
    name: string,
    type: T,
    timeout: number,
  ): Promise<DnsReading<T>> {
    const question = { id: randomInt(0x10000), name, type }
    const query = queryOf(question, true)
    const read = (octets: Buffer): DnsReading<T> => readAnswer(octets, question)
    const byUdp = await this.byUdp(server, query, read, timeout)
    switch (byUdp.kind) {
      case 'truncated':
        return this.byTcp(server, query, read, timeout)
      case 'no-edns':
        // Without EDNS there is no DNSSEC either: an answer, but no secure one.
        return unsigned(await this.byUdp(server, queryOf(question, false), read, timeout))
      default:
        return byUdp
    }
  }

  /** A socket of its own for each question: its port is as hard to guess as the id (RFC 5452). */
  private byUdp<T extends RecordType>(
    { address, port }: DnsServer,
    query: Buffer,
    read: (octets: Buffer) => DnsReading<T>,
    timeout: number,
  ): Promise<DnsReading<T>> {
    return new Promise((resolve) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      const finish = (reading: DnsReading<T>): void => {
        timer.cancel()
        socket.removeAllListeners().on('error', ignore)
        socket.close()
        resolve(reading)
      }
      const fail = (error: unknown): void => finish(failed(error))
      const timer = this.clock.after(timeout, () => finish(TIMED_OUT))
      socket.on('error', fail).on('message', (octets) => {
        const reading = read(octets)
        if (reading.kind !== 'stray') finish(reading)
      })
      // Connected, so that the kernel takes no octets from anybody else, and tells of a closed port.
      socket.connect(port, address, (error?: Error) => {
        if (error) return fail(error)
        try {
          socket.send(query)
        } catch (mistake) {
          // Nobody above an event takes it: Haraka would end.
          fail(mistake)
        }
      })
    })
  }

  private byTcp<T extends RecordType>(
    { address, port }: DnsServer,
    query: Buffer,
    read: (octets: Buffer) => DnsReading<T>,
    timeout: number,
  ): Promise<DnsReading<T>> {
    return new Promise((resolve) => {
      const socket = connect({ host: address, port, noDelay: true })
      const finish = (reading: DnsReading<T>): void => {
        timer.cancel()
        socket.removeAllListeners().on('error', ignore).destroy()
        resolve(reading)
      }
      const timer = this.clock.after(timeout, () => finish(TIMED_OUT))
      let octets = Buffer.alloc(0)
      socket
        .on('error', (error) => finish(failed(error)))
        .on('end', () => finish(UNREADABLE))
        .on('connect', () => socket.write(Buffer.concat([lengthOf(query), query])))
        .on('data', (chunk) => {
          octets = Buffer.concat([octets, chunk])
          if (octets.length < LENGTH_PREFIX) return
          const length = octets.readUInt16BE(0)
          if (length > TCP_SIZE) return finish(UNREADABLE)
          if (octets.length < LENGTH_PREFIX + length) return
          const reading = read(octets.subarray(LENGTH_PREFIX, LENGTH_PREFIX + length))
          finish(reading.kind === 'answer' || reading.kind === 'failed' ? reading : UNREADABLE)
        })
    })
  }
}

const TIMED_OUT = { kind: 'failed', code: 'ETIMEOUT' } as const
const UNREADABLE = { kind: 'failed', code: 'EBADRESP' } as const

/** With AD the wish to know whether the answer is authentic (RFC 6840 section 5.7), with DO too. */
function queryOf(
  { id, name, type }: { id: number; name: string; type: RecordType },
  edns: boolean,
  more = 0,
): Buffer {
  const opt = {
    type: 'OPT' as const,
    name: '.' as const,
    udpPayloadSize: UDP_SIZE,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: DNSSEC_OK,
    flag_do: true,
    options: [],
  }
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA | more,
    questions: [{ name, type }],
    additionals: edns ? [opt] : [],
  })
}

function unsigned<T extends RecordType>(reading: DnsReading<T>): DnsReading<T> {
  return reading.kind === 'answer'
    ? { kind: 'answer', answer: { ...reading.answer, secure: false } }
    : reading
}

/** Of sockets: nobody listens there, or it cannot be reached. */
function failed(error: unknown): { kind: 'failed'; code: string } {
  const { code } = error as { readonly code?: unknown }
  return { kind: 'failed', code: typeof code === 'string' ? code : 'EBADRESP' }
}

function lengthOf(octets: Buffer): Buffer {
  const prefix = Buffer.alloc(LENGTH_PREFIX)
  prefix.writeUInt16BE(octets.length)
  return prefix
}

function ignore(): void {}
