import { type Answer, decode, encode, TRUNCATED_RESPONSE } from 'dns-packet'
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Server } from 'node:net'

/** As `dns-packet` has the data of each type. */
export interface ScriptedSet {
  readonly data: readonly unknown[]
  /** Seconds. Default 60. */
  readonly ttl?: number
}

export type ScriptedTrouble = 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'FORMERR' | 'SILENT'

/** Records by `TYPE name`, or what becomes of the question; what is not here has no data. */
export type ScriptedZone = Readonly<Record<string, ScriptedSet | ScriptedTrouble>>

/** RFC 1035 section 4.1.1. */
const RCODES = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const
/** The AD bit (RFC 4035 section 3.2.3). */
const AUTHENTIC = 0x20

/** What of an answer a test may spoil: its octets, or none for silence. */
export type Spoil = (answer: Buffer, tcp: boolean) => readonly Buffer[]

/**
 * A resolver on the loopback, over UDP and TCP, that answers from a table, follows aliases, and calls an
 * answer authentic when `isSecure` says so of each name in it.
 */
export class ScriptedDns {
  /** Every question so far, such as `MX example.com`. */
  readonly questions: string[] = []
  /** Ports that questions came from. */
  readonly ports: number[] = []
  spoil: Spoil = (answer) => [answer]
  isSecure: (record: string) => boolean = () => true
  /** Answers by UDP are cut off. */
  truncates = false

  private constructor(
    private readonly udp: UdpSocket,
    private readonly tcp: Server,
    public zone: ScriptedZone,
  ) {
    udp.on('message', (query, from) => this.byUdp(query, from))
    tcp.on('connection', (socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (query) => {
        const answer = this.answer(query.subarray(2), false)
        if (!answer) return
        for (const each of this.spoil(answer, true)) {
          socket.write(Buffer.concat([Buffer.of(each.length >> 8, each.length & 0xff), each]))
        }
        socket.end()
      })
    })
  }

  static async start(zone: ScriptedZone = {}): Promise<ScriptedDns> {
    for (;;) {
      const tcp = createServer()
      await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
      const { port } = tcp.address() as AddressInfo
      const udp = createSocket('udp4')
      const bound = await new Promise<boolean>((resolve) => {
        udp.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true))
      })
      if (bound) return new ScriptedDns(udp, tcp, zone)
      tcp.close()
    }
  }

  get server(): { address: string; port: number } {
    return { address: '127.0.0.1', port: this.udp.address().port }
  }

  async close(): Promise<void> {
    this.udp.close()
    await new Promise((resolve) => this.tcp.close(resolve))
  }

  private byUdp(query: Buffer, from: RemoteInfo): void {
    this.ports.push(from.port)
    const answer = this.answer(query, this.truncates)
    if (!answer) return
    for (const each of this.spoil(answer, false)) this.udp.send(each, from.port, from.address)
  }

  private answer(query: Buffer, truncated: boolean): Buffer | undefined {
    const { id = 0, questions = [], additionals = [] } = decode(query)
    const [question] = questions
    if (!question) return undefined
    this.questions.push(`${question.type} ${question.name}`)
    const { answers, rcode, secure } = this.find(question.name, question.type)
    if (rcode === 'SILENT') return undefined
    // A server that does not know EDNS answers what comes without it.
    const failed = rcode === 'FORMERR' && additionals.length === 0 ? 0 : rcode ? RCODES[rcode] : 0
    const flags = failed | (secure ? AUTHENTIC : 0) | (truncated ? TRUNCATED_RESPONSE : 0)
    return encode({ type: 'response', id, flags, questions, answers: truncated ? [] : answers })
  }

  private find(
    asked: string,
    type: string,
  ): { answers: Answer[]; rcode?: ScriptedTrouble; secure: boolean } {
    const answers: Answer[] = []
    let secure = true
    for (let name = asked.toLowerCase(); ;) {
      const found = this.zone[`${type} ${name}`]
      secure &&= this.isSecure(`${type} ${name}`)
      if (typeof found === 'string' && found !== 'FORMERR') return { answers, rcode: found, secure }
      if (typeof found === 'string') {
        const set = this.zone[`EDNS-less ${type} ${name}`]
        return {
          answers: typeof set === 'object' ? recordsOf(name, type, set) : [],
          rcode: found,
          secure,
        }
      }
      answers.push(...(found ? recordsOf(name, type, found) : []))
      const alias = type === 'CNAME' || found ? undefined : this.zone[`CNAME ${name}`]
      if (typeof alias !== 'object') return { answers, secure }
      answers.push(...recordsOf(name, 'CNAME', alias))
      secure &&= this.isSecure(`CNAME ${name}`)
      name = String(alias.data[0])
    }
  }
}

function recordsOf(name: string, type: string, { data, ttl = 60 }: ScriptedSet): Answer[] {
  return data.map((each) => ({ name, type, ttl, class: 'IN', data: each }) as unknown as Answer)
}
