import { someRandom } from './base/random'
import { systemClock } from './clock'
import type { Connector } from './compose'
import type { Route } from './decide/decision'
import { addressOf } from './haraka/address-facts'
import { hasInternationalHeader, headerLinesOf, headerOf, messageIdOf } from './haraka/message'
import { readOriginal } from './haraka/read-original'
import type { Connection, HarakaPlugin, Transaction } from './haraka/types'
import type { ContentDigest } from './queue/doubts'
import { planCopies } from './queue/plan'
import type { Original, PlannedCopy } from './queue/preparer'

/** Milliseconds kept between our own deadline and the end that Haraka puts to a hook. */
const HOOK_MARGIN = 5_000

/** The message that copies are made of, read as it stands now. */
export function originalOf(transaction: Transaction, { queue: { doubts } }: Connector): Original {
  const envelope = [transaction.mail_from, ...transaction.rcpt_to].map(addressOf)
  let whole: ContentDigest | undefined
  return {
    messageId: messageIdOf(transaction),
    octets: transaction.data_bytes,
    async read(take, signal) {
      const digest = doubts.digest(envelope, headerLinesOf(transaction))
      const taking = (piece: Buffer) => {
        digest.add(piece)
        return take(piece)
      }
      await readOriginal(transaction, taking, signal, systemClock)
      whole = digest
    },
    digest: () => whole?.end(),
  }
}

/** The copies of a message for these routes, as its header stands now; `before`: those planned before. */
export function planOf(
  routes: readonly Route[],
  connection: Connection,
  transaction: Transaction,
  { gateway, loopKeys, settings }: Connector,
  before: number,
): PlannedCopy[] {
  return planCopies(
    routes,
    {
      transaction: transaction.uuid,
      before,
      gateway,
      reversePath: addressOf(transaction.mail_from),
      subject: headerOf(transaction, 'Subject'),
      messageId: messageIdOf(transaction),
      clientIp: connection.remote.ip,
      date: systemClock.wall(),
      internationalHeader: routes.some(isPlainCopy) && hasInternationalHeader(transaction),
    },
    { settings: settings.value, loopKey: loopKeys.current, random: someRandom },
  )
}

/** Milliseconds that writing may take: as wanted, and less than Haraka gives a hook. */
export function writingTime({ timeout }: HarakaPlugin, { settings }: Connector): number {
  const wanted = settings.value.queue.prepareTimeout
  if (timeout === 0) return wanted
  const hook = timeout * 1000
  return Math.min(wanted, Math.max(hook - HOOK_MARGIN, hook / 2))
}

/** Only there the original's header becomes the copy's own. */
function isPlainCopy({ intake }: Route): boolean {
  return intake.format === 'bcc'
}
