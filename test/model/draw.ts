import { Dice } from '../support/dice'
import {
  AWAY,
  DOWN,
  type Gateway,
  HOP_ENDS,
  LEAVES,
  type Mail,
  MARKS,
  PARTNER,
  PLUGIN_RESULTS,
  type Session,
  type Way,
} from './plan'

/** In turns, so that a short run has each. */
const WAYS: readonly Way[] = [
  'smtp_forward',
  'smtp_forward',
  'smtp_forward, one message per recipient',
  'smtp_forward, one message per recipient',
  'smtp_proxy',
  'smtp_bridge',
  'lmtp',
  'a plugin of its own',
  'a plugin of its own',
  'a plugin before all',
]

const LOCAL_PARTS = [
  ...['bob', 'carol', 'Bob', 'vip', 'vip+tag', 'nocopy', 'nocopy+tag', 'gone', 'full'],
  ...['sales', 'sales+tag', 'list', 'secret', 'away', 'nobody', 'odd'],
]

/** The gateway that a seed stands for, with its sessions. */
export function draw(
  seed: number,
  sessions: number,
): { gateway: Gateway; sessions: readonly Session[] } {
  // Seeds that follow each other begin alike.
  const dice = new Dice(Math.imul(seed + 1, 0x9e3779b1))
  const gateway = drawGateway(dice, seed)
  return {
    gateway,
    sessions: Array.from({ length: sessions }, (_, at) => drawSession(dice, gateway, at)),
  }
}

function drawGateway(dice: Dice, seed: number): Gateway {
  const way = WAYS[seed % WAYS.length] ?? 'smtp_forward'
  const forwards = way.startsWith('smtp_forward')
  const listed = dice.pick(['host_list', 'host_list_regex'] as const)
  const accepts = forwards && oneIn(dice, 3) ? 'smtp_forward.ini' : listed
  return {
    seed,
    way,
    accepts,
    perDomain: accepts === 'smtp_forward.ini' || (forwards && oneIn(dice, 2)),
    // Its README: not beside smtp_proxy.
    aliases: way !== 'smtp_proxy' && oneIn(dice, 2),
    partners: way === 'smtp_bridge' || oneIn(dice, 2),
    forwardsRelayed: oneIn(dice, 2),
    quarantine: oneIn(dice, 2),
    discard: oneIn(dice, 2),
    policies: dice.pick(['everybody', 'lists']),
    tempfail: oneIn(dice, 3),
  }
}

function drawSession(dice: Dice, gateway: Gateway, at: number): Session {
  const relayClient = oneIn(dice, 8)
  const mails = Array.from({ length: 1 + dice.below(3) }, (_, nth) =>
    drawMail(dice, gateway, relayClient, `m${gateway.seed}-${at}-${nth}`),
  )
  return { relayClient, mails }
}

function drawMail(dice: Dice, gateway: Gateway, relayClient: boolean, id: string): Mail {
  return {
    id,
    relayClient,
    to: Array.from({ length: 1 + dice.below(3) }, () => drawRecipient(dice, gateway)),
    mark: oneIn(dice, 4) ? dice.pick(MARKS) : 'nothing',
    end: drawEnd(dice, gateway),
    leaves: oneIn(dice, 6) ? dice.pick(LEAVES) : 'never',
  }
}

function drawRecipient(dice: Dice, gateway: Gateway): string {
  const others = [PARTNER, AWAY, ...(gateway.perDomain ? DOWN : [])]
  const domain = oneIn(dice, 4)
    ? dice.pick(others)
    : dice.pick(['ours.example', 'ours.example', 'OURS.example', 'second.example'])
  return `${dice.pick(LOCAL_PARTS)}@${domain}`
}

function oneIn(dice: Dice, n: number): boolean {
  return dice.below(n) === 0
}

function drawEnd(dice: Dice, { way }: Gateway): Mail['end'] {
  switch (way) {
    case 'a plugin of its own':
      return {
        result: oneIn(dice, 3) ? 'OK' : dice.pick(PLUGIN_RESULTS),
        delivers: dice.pick(['all', 'all', 'first', 'none']),
      }
    case 'a plugin before all':
      return dice.pick([
        { result: 'OK', delivers: 'all' },
        { result: 'CONT', delivers: 'none' },
      ])
    default:
      return oneIn(dice, 2) ? 'takes' : dice.pick(HOP_ENDS)
  }
}
