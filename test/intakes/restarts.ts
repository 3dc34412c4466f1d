import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/postfix'
import { type Answer, noTlsNow, notAvailable, startFront } from './front'
import { INTAKE, type Place } from './place'
import { INTAKES, type IntakeKind, type Restart } from './servers'
import { type Running, SOON, type Trouble } from './troubles'

/** Told to end, with all its processes. Exim takes its own spool files with it, see docs/intakes.md. */
const restarted = (name: string): Trouble => ({
  ...(INTAKES[name] as IntakeKind),
  cuts: true,
  drops: name === 'exim',
  options: { meanwhile: (server) => restart(server) },
})

async function restart({ daemon }: Running, how?: Restart): Promise<void> {
  await sleep(SOON)
  await daemon.restart(how)
}

const killed = (name: string): Trouble => ({
  ...restarted(name),
  drops: false,
  options: { meanwhile: (server) => restart(server, { signal: 'SIGKILL' }) },
})

/** As Debian's script does it. */
const restartedDaemon = (name: string): Trouble => ({
  ...restarted(name),
  drops: false,
  options: { meanwhile: (server) => restart(server, { firstAlone: true }) },
})

/** Three times in five seconds. */
const restartedOften = (name: string): Trouble => ({
  ...restarted(name),
  options: {
    async meanwhile(server) {
      for (let times = 0; times < 3; times++) {
        await restart(server)
        await sleep(1_000)
      }
    },
  },
})

const awayForLong = (name: string): Trouble => ({
  ...restarted(name),
  options: { meanwhile: (server) => restart(server, { awayFor: 20_000 }) },
})

/** When it is back, it answers so for some seconds. */
function refusingWhenBack(name: string, answer: Answer): Trouble {
  let isRefusing = false
  return {
    ...restarted(name),
    options: {
      before: (port) => startFront(port, () => (isRefusing ? answer : undefined)),
      async meanwhile(server) {
        await sleep(SOON)
        isRefusing = true
        await server.daemon.restart()
        await sleep(5_000)
        isRefusing = false
      },
    },
  }
}

const SECOND = '127.0.0.2'

/** The domain has two addresses; the server at the first one is started anew. */
function oneOfTwo(name: string): Trouble {
  const { start, ...kind } = INTAKES[name] as IntakeKind
  return {
    ...kind,
    cuts: true,
    async start(place: Place) {
      const [first, port] = [await start(place), await freePort()]
      const second = await start({ ...place, port })
      if (typeof first === 'string' || typeof second === 'string')
        return 'the second one is missing'
      const front = await startFront(port, () => undefined, { host: SECOND, at: place.port })
      const stop = async (): Promise<void> => {
        front.close()
        await Promise.all([first.daemon.stop(), second.daemon.stop()])
      }
      return { daemon: { restart: (how) => first.daemon.restart(how), stop } }
    },
    options: {
      zone: {
        [INTAKE.domain]: { mx: [[10, INTAKE.host]] },
        [INTAKE.host]: { a: ['127.0.0.1', SECOND] },
      },
      meanwhile: (server) => restart(server, { awayFor: 5_000 }),
    },
  }
}

const ALL = [
  'exim',
  'postfix',
  'sendmail',
  'courier',
  'aiosmtpd',
  'qpsmtpd',
  'smtp-server',
  'haraka',
]
/** One by BDAT that is gone at once, one by BDAT that ends in order, one by DATA. */
const SOME = ['exim', 'postfix', 'smtp-server']

export const RESTARTS: Readonly<Record<string, Trouble>> = Object.fromEntries([
  ...ALL.map((name) => [`${name}, restarted`, restarted(name)]),
  ...SOME.flatMap((name) => [
    [`${name}, killed`, killed(name)],
    [`${name}, restarted three times`, restartedOften(name)],
    [`${name}, away for 20 s`, awayForLong(name)],
  ]),
  ['exim, its daemon restarted', restartedDaemon('exim')],
  ['postfix, back with 421', refusingWhenBack('postfix', notAvailable)],
  ['exim, back with 454', refusingWhenBack('exim', noTlsNow)],
  ['smtp-server, one of two restarted', oneOfTwo('smtp-server')],
] as const)
