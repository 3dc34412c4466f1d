import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from './clock'
import type { Connector } from './connector'
import { type Answer, no, ok } from './control/answer'
import type { AnswerHere } from './control/processes'
import { MOST_LISTED, type Request, type TestSent } from './control/request'
import { explain } from './decide/explain'
import { supposedFacts } from './haraka/address-facts'
import { mayRelay } from './haraka/relay-client'
import { planCopies } from './queue/plan'
import { testMessage } from './queue/test-message'

/** How requests are answered by what one process knows and has. Never rejects. */
export function answersOf(connector: Connector): AnswerHere {
  return async (request) => {
    try {
      return await answer(connector, request)
    } catch (error) {
      return no(error instanceof Error ? error.message : String(error))
    }
  }
}

function answer(connector: Connector, request: Request): Answer | Promise<Answer> {
  const { commands } = connector.queue
  switch (request.ask) {
    case 'status':
      return ok(connector.status())
    case 'track':
      return ok(connector.track(request.wanted))
    case 'explain':
      return explained(connector, request)
    case 'queue':
      return ok(commands.list(Math.min(request.most, MOST_LISTED)))
    case 'show':
      return show(connector, request.mid)
    case 'hold':
      return commands.hold(request.domain || undefined).then(ok)
    case 'release':
      return commands.release(request.domain || undefined).then(ok)
    case 'flush':
      return ok(commands.flush())
    case 'drop':
      return drop(connector, request.mid)
    case 'replay':
      return replay(connector, request)
    case 'adopt':
      return connector.queue.adoption.adopt(request.directory, request.force).then(ok)
    case 'send-test':
      return sendTest(connector, request.intake)
    case 'recent':
      return ok(connector.recent())
    case 'shared-set':
    case 'shared-unset':
    case 'shared-history':
    case 'shared-revert':
    case 'cluster-status':
    case 'cluster-track':
      return connector.sharedCluster?.answer(request) ?? no('only the master can answer that')
  }
}

function explained(
  { internals, settings }: Connector,
  { ip, relaying, ...supposed }: Extract<Request, { ask: 'explain' }>,
): Answer {
  const relayClient = relaying || (ip !== '' && mayRelay(internals.hooks, ip))
  return ok(explain(supposedFacts({ ...supposed, relayClient }), settings.value))
}

/** What one process knows of a copy; the kept ones are known to all. */
async function show(connector: Connector, mid: string): Promise<Answer> {
  const copy = connector.queue.commands.find(mid) ?? null
  const kept = await keptCopy(connector, mid)
  return ok({ copy, kept: kept ?? null, messages: connector.track(mid) })
}

/** Out of the queue, or out of the kept ones; true: there it was. */
async function drop(connector: Connector, mid: string): Promise<Answer<boolean>> {
  if (connector.queue.commands.drop(mid)) return ok(true)
  const kept = await keptCopy(connector, mid)
  return ok(kept !== undefined && (await connector.queue.kept.drop(kept)))
}

async function keptCopy({ queue: { kept } }: Connector, mid: string) {
  return (await kept.list()).find((copy) => copy.mid === mid)
}

async function replay(
  connector: Connector,
  { mid, intake, since }: Extract<Request, { ask: 'replay' }>,
): Promise<Answer> {
  const filter = { mid: mid || undefined, intake: intake || undefined, since: since || undefined }
  return ok(await connector.queue.replay.replay(filter))
}

/** A test message's copy, through the real queue. */
async function sendTest(connector: Connector, wanted: string): Promise<Answer<TestSent>> {
  const { settings, gateway, loopKeys, monitor, queue } = connector
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
  const { original, facts, address } = testMessage(transaction, gateway, systemClock.wall())
  const route = { intake, recipients: [address], policies: ['send-test'] }
  const [planned] = planCopies([route], facts, {
    settings: settings.value,
    loopKey: loopKeys.current,
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
  const result = await journey.prepare(queue.preparer, original, [planned], options)
  if (result.kind === 'failed') {
    const why = result.failures.map((failure) => failure.why).join('; ')
    return no(`the copy could not be written to the queue: ${why}`)
  }
  journey.settle(() => ({ kind: 'delivered' }))
  return ok({ mid: planned.mid, intake: intake.address })
}
