import { randomBytes, randomUUID } from 'node:crypto'
import { inTurns, sortedInTurns } from './base/in-turns'
import { isFromTo, isMeant } from './base/sought'
import { systemClock } from './clock'
import type { SharedCluster } from './cluster/shared-cluster'
import { type Answer, type AnswerHere, no, ok } from './control/processes'
import { KEPT_ORDERS, LOST_ORDERS, orderOf, QUEUE_ORDERS } from './control/orders'
import {
  type KeptSought,
  MOST_LISTED,
  MOST_TRACKED,
  type Request,
  type TestSent,
} from './control/request'
import type { Route } from './decide/decision'
import { explain } from './decide/explain'
import { supposedFacts } from './haraka/address-facts'
import type { Internals } from './haraka/contract'
import type { LoopKeys } from './haraka/loop-key'
import { mayRelay } from './haraka/relay-client'
import { COMES_TO } from './monitor/copies-of'
import type { Monitor } from './monitor/monitor'
import type { Status } from './monitor/status'
import { RECENT_SHARED } from './monitor/tracked'
import type { Adoption } from './queue/adoption'
import type { Journey } from './queue/journey'
import type { KeptDay } from './queue/kept-day'
import type { KeptCopies } from './queue/kept-copies'
import type { KeptCopy, KeptListed } from './queue/kept-name'
import type { LostCopies, LostListed } from './queue/lost-copies'
import { planCopies } from './queue/plan'
import type { Preparer } from './queue/preparer'
import type { QueueCommands } from './queue/queue-commands'
import type { QueuedCopy } from './queue/queued-copy'
import { isSought, type KeptFilter, type Replay } from './queue/replay'
import { testMessage } from './queue/test-message'
import type { CurrentSettings } from './settings/current'

/** What requests are answered with. */
export interface AnsweringParts {
  readonly internals: Internals
  readonly monitor: Monitor
  readonly settings: CurrentSettings
  readonly loopKeys: LoopKeys
  readonly queue: {
    readonly commands: QueueCommands
    readonly kept: KeptCopies
    readonly lost: LostCopies
    readonly replay: Replay
    readonly adoption: Adoption
    readonly preparer: Preparer
  }
  /** In the only process, or in the master. */
  readonly day: KeptDay | undefined
  readonly gateway: string
  readonly journey: (routes: readonly Route[]) => Journey
  readonly status: () => Status
}

/**
 * How requests are answered by what one process knows and has; what the machines share, only the only
 * process or the master does. Never rejects.
 */
export function answersOf(
  parts: AnsweringParts,
  sharedCluster: SharedCluster | undefined,
): AnswerHere {
  return async (request) => {
    try {
      return await answer(parts, sharedCluster, request)
    } catch (error) {
      return no(error instanceof Error ? error.message : String(error))
    }
  }
}

function answer(
  parts: AnsweringParts,
  sharedCluster: SharedCluster | undefined,
  request: Request,
): Answer | Promise<Answer> {
  const { commands } = parts.queue
  switch (request.ask) {
    case 'status':
      return ok(parts.status())
    case 'track':
      return track(parts, request)
    case 'explain':
      return explained(parts, request)
    case 'queue':
      return listed(parts, request)
    case 'kept':
      return listKept(parts, request)
    case 'history':
      return listLost(parts, request)
    case 'show':
      return show(parts, request.mid)
    case 'intake-domains':
      return ok(intakeDomains(parts))
    case 'hold':
      return commands.hold(request.domain || undefined).then(ok)
    case 'release':
      return commands.release(request.domain || undefined).then(ok)
    case 'flush':
      return commands.flush().then(ok)
    case 'drop':
      return drop(parts, request.mid)
    case 'replay':
      return replay(parts, request)
    case 'adopt':
      return parts.queue.adoption.adopt(request.directory, request.force).then(ok)
    case 'send-test':
      return sendTest(parts, request.intake)
    case 'day':
      return ok(parts.day?.value(systemClock.wall(), request.intake) ?? [])
    case 'recent':
      return ok(parts.monitor.tracking.recent(RECENT_SHARED))
    case 'shared-set':
    case 'shared-unset':
    case 'shared-history':
    case 'shared-trouble':
    case 'shared-revert':
    case 'cluster-status':
    case 'cluster-track':
      return sharedCluster?.answer(request) ?? no('only the master can answer that')
  }
}

/** Copies go on to the intake that they were queued for, whatever the settings say now. */
function intakeDomains({ settings, status }: AnsweringParts): string[] {
  const { intakes, holds } = status()
  const known = [...settings.value.intakes, ...Object.values(intakes)].map(({ domain }) => domain)
  return [...new Set([...known, ...holds.filter((held) => held !== 'all')])]
}

function explained(
  { internals, settings }: AnsweringParts,
  { ip, relaying, ...supposed }: Extract<Request, { ask: 'explain' }>,
): Answer {
  const relayClient = relaying || (ip !== '' && mayRelay(internals.hooks, ip))
  return ok(explain(supposedFacts({ ...supposed, relayClient }), settings.value))
}

/** What one process knows of a copy; the kept ones are known to all. */
async function show({ queue, monitor }: AnsweringParts, mid: string): Promise<Answer> {
  const copy = queue.commands.find(mid) ?? null
  const kept = (await queue.kept.find(mid)) ?? null
  return ok({ copy, kept, messages: await monitor.tracking.find(mid) })
}

/** Out of the queue, or out of the kept ones; true: there it was. */
async function drop({ queue }: AnsweringParts, mid: string): Promise<Answer<boolean>> {
  if (queue.commands.drop(mid)) return ok(true)
  const kept = await queue.kept.find(mid)
  return ok(kept !== undefined && (await queue.kept.drop(kept)))
}

async function replay(
  parts: AnsweringParts,
  { mid, ...sought }: Extract<Request, { ask: 'replay' }>,
): Promise<Answer> {
  const filter = { mid: mid || undefined, ...keptFilter(sought) }
  return ok(await parts.queue.replay.replay(filter))
}

function keptFilter({ intake, since, reason }: KeptSought): KeptFilter {
  return { intake: intake || undefined, since, reason: reason || undefined }
}

async function track(
  { monitor }: AnsweringParts,
  { wanted, sort, most, cameTo, ...sought }: Extract<Request, { ask: 'track' }>,
): Promise<Answer> {
  const known = COMES_TO.find((each) => each === cameTo)
  return ok(
    await monitor.tracking.find(
      wanted || undefined,
      sought,
      Math.min(most, MOST_TRACKED),
      sort === 'oldest',
      known ?? '',
    ),
  )
}

/** Senders and recipients stand in no copy's file: what is tracked knows them. */
async function listed(
  { monitor, queue }: AnsweringParts,
  { intake, since, sort, most, ...people }: Extract<Request, { ask: 'queue' }>,
): Promise<Answer> {
  const asksWho = people.sender !== '' || people.recipient !== ''
  const isOfThem = (mid: string) => {
    const envelope = monitor.tracking.envelopeOf(mid)
    return envelope !== undefined && isFromTo(people, envelope)
  }
  const isWanted = ({ mid, ageMs, intake: own }: QueuedCopy) =>
    isMeant(intake, own) && systemClock.wall() - ageMs >= since && (!asksWho || isOfThem(mid))
  const order = sort === '' ? undefined : orderOf(QUEUE_ORDERS, sort)
  return ok(await queue.commands.list(Math.min(most, MOST_LISTED), isWanted, order))
}

/** What their files' names say decides first; a file is opened for its intake only. */
async function listKept(
  { queue: { kept } }: AnsweringParts,
  { sort, most, ...sought }: Extract<Request, { ask: 'kept' }>,
): Promise<Answer<KeptListed>> {
  const filter = keptFilter(sought)
  const found: (KeptCopy & { readonly intake?: string | null })[] = []
  for await (const copy of inTurns(await kept.list())) {
    if (!isSought(copy, filter)) continue
    if (!filter.intake) found.push(copy)
    else {
      const intake = await kept.intakeOf(copy)
      if (intake !== null && isMeant(filter.intake, intake)) found.push({ ...copy, intake })
    }
  }
  const shown = await sortedInTurns(found, orderOf(KEPT_ORDERS, sort))
  const copies = []
  for (const copy of shown.slice(0, Math.min(most, MOST_LISTED))) {
    copies.push({ ...copy, intake: copy.intake ?? (await kept.intakeOf(copy)) })
  }
  const bytes = found.reduce((sum, copy) => sum + copy.bytes, 0)
  return ok({ count: found.length, bytes, copies })
}

/** Whether it is kept is asked of the kept copies: they are replayed and dropped by others, too. */
async function listLost(
  { queue: { lost, kept } }: AnsweringParts,
  { intake, since, reason, sort, most, ...people }: Extract<Request, { ask: 'history' }>,
): Promise<Answer<LostListed>> {
  // Where they cannot be listed, what was lost is asked for all the more.
  const isKept = new Set((await kept.list().catch(() => [])).map(({ mid }) => mid))
  const asksWho = people.sender !== '' || people.recipient !== ''
  const found = (await lost.list()).filter(
    ({ at, intake: own, reason: why, sender, recipients }) =>
      at >= since &&
      isMeant(intake, own) &&
      (reason === '' || reason === why) &&
      (!asksWho || (sender !== null && isFromTo(people, { sender, recipients }))),
  )
  const copies = found
    .sort(orderOf(LOST_ORDERS, sort))
    .slice(0, Math.min(most, MOST_LISTED))
    .map((copy) => ({ ...copy, kept: isKept.has(copy.mid) }))
  return ok({ count: found.length, copies })
}

/** A test message's copy, through the real queue. */
async function sendTest(parts: AnsweringParts, wanted: string): Promise<Answer<TestSent>> {
  const { settings, gateway, loopKeys, monitor, queue } = parts
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
  const journey = parts.journey([route])
  const options = { within: prepareTimeout, allOrNothing: true }
  const result = await journey.prepare(queue.preparer, original, [planned], options)
  if (result.kind === 'failed') {
    const why = result.failures.map((failure) => failure.why).join('; ')
    return no(`the copy could not be written to the queue: ${why}`)
  }
  journey.settle(() => ({ kind: 'delivered' }))
  return ok({ mid: planned.mid, intake: intake.address })
}
