/**
 * `npm run intakes -- --speed [NAME ...]`: messages per second to real servers, the connector's pool and
 * nodemailer's in turns, near and at a round trip of 40 ms. Opening the connections counts.
 */
import { compare } from '../bench/compare'
import { startDelay } from '../bench/delay'
import { makeSender, type SenderKind } from '../bench/sender'
import type { Figure } from '../bench/figure'
import { makePlace } from './place'
import type { Surroundings } from './run'
import { type IntakeKind, INTAKES } from './servers'

const MESSAGES = 300
const ROUNDS = 3
const CONNECTIONS = 20
/** Milliseconds each way. */
const FAR = 20
const HOST = '127.0.0.1'

const USUAL = ['exim', 'postfix', 'postfix, no CHUNKING', 'postfix, bare', 'sendmail', 'aiosmtpd']
const ALSO = ['qpsmtpd', 'smtp-server', 'haraka']

/** Ours divided by nodemailer's, near and far. */
export async function speed(names: readonly string[], around: Surroundings): Promise<void> {
  const figures: Figure[] = []
  for (const name of names.length > 0 ? names : [...USUAL, ...ALSO]) {
    const kind = INTAKES[name] as IntakeKind
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
      round: async () => MESSAGES / (await sender.send(MESSAGES)).seconds,
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
