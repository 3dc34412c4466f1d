import { systemClock } from '../../plugins/tdc/clock'
import { makeSessionMaker } from '../../plugins/tdc/delivery/connect'
import { dcidSource } from '../../plugins/tdc/delivery/dcid'
import { makeMxLookup } from '../../plugins/tdc/route/mx-lookup'
import { Pool } from '../../plugins/tdc/delivery/pool'
import type { SessionMaker } from '../../plugins/tdc/smtp/session'
import type { Sending, Target } from './sending'

/** tdc.ini's defaults, apart from what the comparison sets for both. */
const TIMEOUTS = {
  connect: 30_000,
  greeting: 60_000,
  tls: 30_000,
  command: 60_000,
  data: 60_000,
  final: 100_000,
}
const MIN_CONNECTIONS = 3
const IDLE_TIMEOUT = 5_000
const WINDOW = 8

export function sessionMakerFor({ host, port, ca, window = WINDOW }: Target): SessionMaker {
  return makeSessionMaker({
    domain: 'intake.example',
    route: { host, port },
    port,
    helo: 'gateway.example',
    localAddress: undefined,
    window,
    timeouts: TIMEOUTS,
    tls: {
      verify: true,
      minVersion: 'TLSv1.2',
      ca,
      client: undefined,
      pins: [],
      names: [],
      mtaSts: false,
      dane: 'off',
    },
    clock: systemClock,
    report: () => undefined,
    lookup: makeMxLookup(systemClock),
    stsPolicyOf: () => Promise.resolve(undefined),
    mayConnect: () => true,
    random: Math.random,
    nextDcid: dcidSource(0),
  })
}

export function poolFor(target: Target): Pool {
  const { connections, messagesPerConnection } = target
  const { random } = Math
  const open = sessionMakerFor(target)
  const options = {
    minConnections: Math.min(MIN_CONNECTIONS, connections),
    maxConnections: connections,
    messagesPerConnection,
    idleTimeout: IDLE_TIMEOUT,
  }
  const onMistake = (error: unknown) => console.error(error)
  return new Pool({ open, clock: systemClock, options: () => options, random, onMistake })
}

/** The connector's pool with real sessions, from memory as fresh copies are. */
export function poolSending(target: Target): Sending {
  const pool = poolFor(target)
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        pool.submit(message, (outcome) => {
          if (outcome.kind === 'delivered') resolve()
          else reject(new Error(`not delivered: ${JSON.stringify(outcome)}`))
        })
      }),
    close: async () => pool.destroy(),
  }
}
