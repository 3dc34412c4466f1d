import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from './clock'
import type { Connector } from './connector'
import { type Answer, no, ok } from './control/answer'
import type { AnswerHere } from './control/processes'
import type { TestSent } from './control/request'
import { explain } from './decide/explain'
import { planCopies } from './queue/plan'
import { testMessage } from './queue/test-message'

/** How requests are answered by what one process knows and has. */
export function answersOf(connector: Connector): AnswerHere {
  return (request) => {
    switch (request.ask) {
      case 'status':
        return ok(connector.status())
      case 'track':
        return ok(connector.track(request.wanted))
      case 'explain':
        return ok(explain(request, connector.settings.value))
      case 'send-test':
        return sendTest(connector, request.intake)
    }
  }
}

/** A test message's copy, through the real queue. */
async function sendTest(connector: Connector, wanted: string): Promise<Answer<TestSent>> {
  const { settings, gateway, loopKey, monitor, preparer } = connector
  const { effective, intakes, prepareTimeout } = settings.value
  const intake = wanted
    ? intakes.find(({ address }) => address.toLowerCase() === wanted.toLowerCase())
    : effective.intake
  if (!intake) {
    const known = intakes.map(({ address }) => address).join(', ') || 'none'
    return no(
      wanted
        ? `${wanted} is not an intake address of the settings, those are: ${known}`
        : `the settings have no default message intake address; name one of: ${known}`,
    )
  }

  const transaction = `${randomUUID().toUpperCase()}.1`
  const { original, facts, address } = testMessage(transaction, gateway, intake, systemClock.wall())
  const route = { intake, recipients: [address], policies: ['send-test'] }
  const [planned] = planCopies([route], facts, {
    settings: settings.value,
    loopKey,
    random: randomBytes,
  })
  if (!planned) return no('no copy was planned')
  monitor.report({
    kind: 'decided',
    transaction,
    messageId: facts.messageId ?? '',
    sender: address,
    recipients: [address],
    routes: [{ intake: intake.address, recipients: 1, policies: route.policies }],
  })
  const journey = connector.journey([route])
  const options = { within: prepareTimeout, allOrNothing: true }
  const result = await journey.prepare(preparer, original, [planned], options)
  if (result.kind === 'failed') {
    const why = result.failures.map((failure) => failure.why).join('; ')
    return no(`the copy could not be written to the queue: ${why}`)
  }
  journey.commit()
  return ok({ mid: planned.mid, intake: intake.address })
}
