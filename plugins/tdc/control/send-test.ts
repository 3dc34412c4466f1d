import { randomBytes, randomUUID } from 'node:crypto'
import { planCopies } from '../queue/plan'
import { testMessage } from '../queue/test-message'
import type { Parts } from './asking'

/**
 * A test message's copy, through the real queue, to the default intake address or to the one that is
 * `wanted`. The MID is that of the copy that is in the queue now.
 */
export async function sendTest(
  { clock, settings, gateway, loopKeys, monitor, queue, journey: journeyOf }: Parts,
  { intake: wanted }: { readonly intake: string },
): Promise<{ mid: string; intake: string }> {
  const { effective, intakes, queue: limits } = settings.value
  const intake = wanted
    ? intakes.find(({ address }) => address.toLowerCase() === wanted.toLowerCase())
    : effective.intake
  if (!intake) {
    const known = intakes.map(({ address }) => address).join(', ') || 'none'
    throw new Error(
      wanted
        ? `${wanted} is not an intake address of the settings, those are: ${known}`
        : `the settings have no default message intake address; name one of: ${known}`,
    )
  }

  const transaction = `${randomUUID().toUpperCase()}.1`
  const { original, facts, address } = testMessage(transaction, gateway, clock.wall())
  const route = { intake, recipients: [address], policies: ['send-test'] }
  const [planned] = planCopies([route], facts, {
    settings: settings.value,
    loopKey: loopKeys.current,
    random: randomBytes,
  })
  if (!planned) throw new Error('no copy was planned')
  monitor.report({
    kind: 'decided',
    transaction,
    messageId: facts.messageId ?? '',
    sender: address,
    recipients: [address],
    routes: [{ intake: intake.address, recipients: 1, policies: route.policies }],
  })
  const journey = journeyOf([route])
  const options = { within: limits.prepareTimeout, allOrNothing: true }
  const result = await journey.prepare(queue.preparer, original, [planned], options)
  if (result.kind === 'failed') {
    const why = result.failures.map((failure) => failure.why).join('; ')
    throw new Error(`the copy could not be written to the queue: ${why}`)
  }
  journey.settle(() => ({ kind: 'delivered' }))
  return { mid: planned.mid, intake: intake.address }
}
