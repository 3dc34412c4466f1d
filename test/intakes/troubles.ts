import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { startExim } from './exim'
import { type Front, notAvailable, startFront } from './front'
import { startPostfixIntake } from './postfix-intake'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place'
import type { RunOptions } from './run'
import type { IntakeKind, IntakeServer, Restart } from './servers'

/** A server in trouble: 0 copies are lost, and none is there twice unless a connection was cut. */
export interface Trouble extends Pick<IntakeKind, 'start'> {
  /** An acknowledgement that a cut took away brings a copy twice. */
  readonly cuts?: true
  /** It loses what it took, which is not ours to prevent. */
  readonly drops?: boolean
  readonly options?: Partial<RunOptions>
}

export type Running = Exclude<IntakeServer, string>

/** Milliseconds after the release of the backlog. */
export const SOON = 150

/** Every process of the server that has a connection is told to end. */
const connectionsEnd = async (_server: Running, port: number): Promise<void> => {
  await sleep(SOON)
  for (const pid of servingPids(port)) process.kill(pid, 'SIGTERM')
}

const MANY = 'smtp_accept_max = 200'

const exim = (main: readonly string[]) => ({ start: (place: Place) => startExim(place, { main }) })

const postfix = (settings: Readonly<Record<string, string>>) => ({
  start: (place: Place) => startPostfixIntake(place, settings),
})

/** Answers so to RCPT until some seconds after the release. */
function refusing(reply: string): Trouble {
  const sign = ({ dir }: Place): string => join(dir, 'refuse')
  return {
    start: (place) => {
      writeFileSync(sign(place), '')
      const condition = `\${if exists{${sign(place)}}}`
      return startExim(place, {
        main: [MANY],
        rcpt: [`defer message = ${reply}`, `      condition = ${condition}`],
      })
    },
    options: {
      meanwhile: async (_server, place) => {
        await sleep(REFUSED_FOR)
        rmSync(sign(place))
      },
    },
  }
}

const REFUSED_FOR = 8_000

/**
 * Its spool is a file system that is full until some seconds after the release. Without the room that
 * Exim keeps by default (check_spool_space) it says nothing to some messages, and takes others behind one that
 * it refused, of which it delivers the header alone.
 */
const DISK_FULL: Trouble = {
  async start(place) {
    const spool = spoolOf(place)
    mkdirSync(spool)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', spool])
    const server = await startExim(place, { main: [MANY] })
    const unmount = () => execFileSync('umount', ['--lazy', spool])
    if (typeof server === 'string') return (unmount(), server)
    const { daemon } = server
    return {
      ...server,
      daemon: {
        restart: (how?: Restart) => daemon.restart(how),
        stop: () => daemon.stop().finally(unmount),
      },
    }
  },
  options: {
    meanwhile: async (_server, place) => {
      await sleep(REFUSED_FOR)
      execFileSync('mount', ['-o', 'remount,size=1g', spoolOf(place)])
    },
  },
}

function spoolOf({ dir }: Place): string {
  return join(dir, 'spool')
}

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  'exim, connections told to end': {
    ...exim([MANY]),
    cuts: true,
    drops: true,
    options: { meanwhile: (server, { port }) => connectionsEnd(server, port) },
  },
  'exim, 5 messages a connection': exim([MANY, 'smtp_accept_max_per_connection = 5']),
  'exim, 3 connections': exim(['smtp_accept_max = 3']),
  'exim, 2 connections of a host': exim([MANY, 'smtp_accept_max_per_host = 2']),
  'exim, greylisting': refusing('451 4.7.1 Greylisting in action'),
  'exim, says that its disk is full': refusing('452 4.3.1 Insufficient system storage'),
  'exim, disk full': DISK_FULL,
  'postfix, connections told to end': {
    ...postfix({}),
    cuts: true,
    options: { meanwhile: (server, { port }) => connectionsEnd(server, port) },
  },
  'postfix, 2 connections of a client': postfix({ smtpd_client_connection_count_limit: '2' }),
  'postfix, 100 messages in 10 s': postfix({
    smtpd_client_message_rate_limit: '100',
    anvil_rate_time_unit: '10s',
  }),
  'postfix, one of two backends is sick': {
    ...postfix({}),
    options: { before: halfSick },
  },
}

/** A load balancer: every other connection goes to a backend that answers 421 and closes. */
function halfSick(port: number): Promise<Front> {
  let count = 0
  return startFront(port, () => (++count % 2 === 1 ? notAvailable : undefined))
}

/** Processes with an established connection on this port at their side. */
function servingPids(port: number): number[] {
  const text = execFileSync('ss', ['-Htnp', 'state', 'established', `( sport = :${port} )`], {
    encoding: 'utf8',
  })
  return [...text.matchAll(/pid=(\d+)/g)].map(([, pid]) => Number(pid))
}
