/**
 * `npm run intakes -- --speed [NAME ...]`: messages per second to real servers, the connector's pool and
 * nodemailer's in turns, near and at a round trip of 40 ms, over connections that stand. Servers that
 * start a process to deliver each message keep it in their queue: what is compared is the client.
 */
import { compare } from '../bench/compare'
import { startDelay } from '../bench/delay'
import { makeSender, type SenderKind } from '../bench/sender'
import type { Figure } from '../bench/figure'
import { startExim } from './exim'
import { makePlace } from './place'
import type { Surroundings } from './run'
import { startSendmail } from './sendmail'
import { type IntakeKind, INTAKES } from './servers'

const MESSAGES = 300
/** Before those that are timed: the connections stand, and what there is to learn is known. */
const WARM = 200
const ROUNDS = 5
const CONNECTIONS = 20
/** Milliseconds each way. */
const FAR = 20
const HOST = '127.0.0.1'

const USUAL = ['exim', 'postfix', 'postfix, no CHUNKING', 'postfix, bare', 'sendmail', 'aiosmtpd']
const ALSO = ['qpsmtpd', 'smtp-server', 'haraka']

/** The same as in `INTAKES`, but that a message which is taken is not delivered yet. */
const QUEUEING: Readonly<Record<string, Pick<IntakeKind, 'start'>>> = {
  exim: {
    start: (place) => startExim(place, { main: ['smtp_accept_max = 200', 'queue_only = true'] }),
  },
  sendmail: { start: (place) => startSendmail(place, { confDELIVERY_MODE: 'queueonly' }) },
}

/** Ours divided by nodemailer's, near and far. */
export async function speed(names: readonly string[], around: Surroundings): Promise<void> {
  const figures: Figure[] = []
  for (const name of names.length > 0 ? names : [...USUAL, ...ALSO]) {
    const kind = { ...(INTAKES[name] as IntakeKind), ...QUEUEING[name] }
    const place = await makePlace(name, around.certificate, around.ca)
    const server = await kind.start(place)
    if (typeof server === 'string') {
      console.log(`${name}: not run: ${server}`)
      continue
    }
    const delay = await startDelay({ host: HOST, port: place.port, milliseconds: FAR })
    try {
      for (const [where, port] of [
        ['0 ms', place.port],
        ['40 ms', delay.port],
      ] as const) {
        figures.push(await compared(`${name}, ${where}`, port, around.ca))
      }
    } finally {
      await Promise.all([delay.close(), server.daemon.stop()])
    }
  }
  for (const figure of figures) console.log(JSON.stringify(figure))
}

async function compared(name: string, port: number, ca: string): Promise<Figure> {
  const side = (kind: SenderKind) => {
    const target = { host: HOST, port, ca, connections: CONNECTIONS, messagesPerConnection: 50 }
    const sender = makeSender(kind, target)
    return {
      name: kind,
      round: async () => MESSAGES / (await sender.send(MESSAGES, WARM)).seconds,
      close: () => sender.close(),
    }
  }
  const [ours, theirs] = [side('pool'), side('nodemailer')]
  try {
    return await compare({ name, unit: 'messages/s', rounds: ROUNDS, warmUp: false, ours, theirs })
  } finally {
    await Promise.all([ours.close(), theirs.close()])
  }
}
