import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MX_TRAFFIC } from '../bench/courier'
import { Lab } from '../bench/lab'
import { comesTrue } from '../support/comes-true'
import type { HarakaServer } from '../support/haraka'
import type { LineProxy } from '../support/line-proxy'
import type { FaultCase, FaultContext } from './case'

/** Mails each second, over so many connections, each of which takes this long beside its pause. */
const RATE = 20
const CONNECTIONS = 5
const TRIP = 55

/** Seconds before, during and after the outage; what is short of the defaults in `delivery`. */
const SHORT = { before: 3, outage: 12, after: 8, delivery: ['retry_delay=2'] }
const LONG = { before: 30, outage: 600, after: 120, delivery: [] }

/** Milliseconds in which what was kept must be out, behind new mail and after it. */
const OUT = 60_000
const LONG_OUT = 1_200_000

export const replayAfterOutage: FaultCase = {
  name: 'R11-replay',
  title:
    'an outage under 20 mails a second with failed.keep and failed.replay=auto: nothing is lost',
  run: (context) => Lab.behindLine((lab, line) => outage(lab, line, context)),
}

async function outage(lab: Lab, line: LineProxy, { long, note }: FaultContext) {
  const { before, outage, after, delivery } = long ? LONG : SHORT
  const server = await lab.gateway({
    tdc: true,
    sections: {
      delivery: [`port=${line.port}`, ...delivery],
      failed: ['keep=true', 'replay=auto'],
    },
  })
  let mails = 0
  const load = async (seconds: number): Promise<void> => {
    const messages = seconds * RATE
    mails += messages
    const pause = (CONNECTIONS / RATE) * 1000 - TRIP
    await lab.bring({
      ...MX_TRAFFIC,
      connections: CONNECTIONS,
      pause,
      messages,
      port: server.port,
    })
  }
  await load(before)
  line.refuse()
  await load(outage)
  const kept = keptFiles(server).length
  await line.listen()
  await load(after)
  const waiting = () => server.queueFiles().filter((name) => !name.startsWith('error.')).length
  const isOut = () => waiting() === 0 && keptFiles(server).length === 0
  // What still waits for its retry at the end of the load goes out with the rest.
  const out = await comesTrue(isOut, long ? LONG_OUT : OUT)

  const violations: string[] = []
  const must = (holds: boolean, what: string) => holds || violations.push(what)
  const delivered = await lab.intake.count()
  must(kept > 0, 'no copy was given up: the outage was too short to tell anything')
  must(out, `left: ${waiting()} in the queue, ${keptFiles(server).length} kept`)
  must(delivered === mails, `${mails} mails, ${delivered} copies at the intake`)
  const replayed = mids(server, /TDC: MID (\S+) .* replayed to/)
  const ended = mids(server, /TDC: MID (\S+) successfully delivered/)
  // One that tried while the intake was down, and had no session, is replayed again.
  must(new Set(replayed).size >= kept, `${new Set(replayed).size} of ${kept} kept copies replayed`)
  must(new Set(ended).size === mails, `${new Set(ended).size} copies have a line of their delivery`)
  must(ended.length === mails, `${ended.length} deliveries of ${mails} copies`)
  const figures = { mails, kept, replayed: replayed.length, delivered }
  note(JSON.stringify(figures))
  return { n: mails, violations, figures }
}

function mids({ lines }: HarakaServer, pattern: RegExp): string[] {
  return lines.entries.flatMap((line) => pattern.exec(line)?.[1] ?? [])
}

/** Names of the kept copies of an outage. */
function keptFiles({ dir }: HarakaServer): string[] {
  try {
    return readdirSync(join(dir, 'queue', 'error.tdc', 'kept'))
  } catch {
    return []
  }
}
