import { startPostfix, whatIsMissing } from '../support/postfix'
import { compare } from './compare'
import type { Figure } from './figure'
import { DISCARDING } from './rtt'
import { makeSender, type Sender } from './sender'
import { INTAKE_HOST, intakeTrust } from './trust'

const MESSAGES = 60
const ROUNDS = 3
const SIZES = [1, 4, 8, 16]
const KB = 1_024

/**
 * Copies one after the other, each alone on its way, to a Postfix that offers CHUNKING, and to one
 * that is the same but does not: by BDAT and by DATA. The worst of all sizes, with a window and
 * without.
 */
export async function loneCopy(): Promise<Figure | undefined> {
  const missing = whatIsMissing()
  if (missing !== undefined) {
    console.log(`lone-copy: not run: ${missing}`)
    return undefined
  }
  const trust = await intakeTrust()
  const [chunking, plain] = await Promise.all([
    startPostfix({ ...trust, settings: DISCARDING }),
    startPostfix({
      ...trust,
      settings: { ...DISCARDING, smtpd_discard_ehlo_keywords: 'chunking, silent-discard' },
    }),
  ])
  const sender = (port: number, window: number): Sender =>
    makeSender('pool', {
      host: INTAKE_HOST,
      port,
      ca: trust.ca,
      connections: 1,
      messagesPerConnection: 10 * MESSAGES,
      window,
    })
  const figures: Figure[] = []
  try {
    for (const window of [8, 1]) {
      const [bdat, data] = [sender(chunking.port, window), sender(plain.port, window)]
      for (const size of SIZES) {
        const round = (sender: Sender) => async () => {
          const { seconds } = await sender.send(MESSAGES, 1, { oneByOne: true, size: size * KB })
          return MESSAGES / seconds
        }
        figures.push(
          await compare({
            name: `lone-copy of ${size} KB, window ${window}`,
            unit: 'messages/s',
            rounds: ROUNDS,
            ours: { name: 'BDAT', round: round(bdat) },
            theirs: { name: 'DATA', round: round(data) },
          }),
        )
      }
      await Promise.all([bdat.close(), data.close()])
    }
  } finally {
    await Promise.all([chunking.close(), plain.close()])
  }
  const [worst] = figures.sort((a, b) => a.ratio - b.ratio)
  return worst && { ...worst, case: 'lone-copy' }
}
