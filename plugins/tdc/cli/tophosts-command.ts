import { setTimeout as wait } from 'node:timers/promises'
import { QUEUE_DOMAIN } from '../base/names'
import { health, isFailing } from '../monitor/health'
import type { QueueFigures, Status } from '../monitor/status'
import { silentMachines } from './status-command'
import { type Call, command, EXIT, flagOption, show, Stop } from './command'
import { applianceMoment } from './moments'
import { ask } from './server'

/** Milliseconds between two pictures. */
const PAUSE = 2_000

export const tophostsCommand = command('tophosts', {
  options: {
    watch: { ...flagOption('shows it anew every 2 seconds, until Ctrl-C'), short: 'w' },
    cluster: flagOption('of all machines that share their figures ([cluster] redis=true)'),
  },
  summary: "the appliance's table of the queue and its intakes",
  async run(call) {
    for (;;) {
      const { status, notes } = await picture(call, call.values.cluster)
      const lines = [...tophostsText(status), ...notes]
      if (!call.values.watch) {
        show(call, rowsOf(status), () => lines)
        return EXIT.ok
      }
      call.terminal.repaint(call.json ? [JSON.stringify(rowsOf(status))] : lines)
      await wait(PAUSE)
    }
  },
})

async function picture(
  call: Pick<Call, 'directory'>,
  ofCluster: boolean,
): Promise<{ status: Status; notes: readonly string[] }> {
  if (!ofCluster) return { status: await ask(call, 'status', {}), notes: [] }
  const view = await ask(call, 'cluster-status', {})
  if (!view.total) throw new Stop(EXIT.no, 'no machine has reported lately')
  const silent = silentMachines(view)
  return { status: view.total, notes: silent.length > 0 ? ['', ...silent] : [] }
}

/** Where the appliance's columns begin in a row; the host's is as wide as the longest needs. */
const HOST_WIDTH = 24
const HEADINGS = ['#   Recipient Host ', 'Active  Conn.  Deliv.  Soft   Hard'] as const
const UNITS = ['#   Recipient Host ', 'Recip.  Out    Recip.  Bounced Bounced'] as const

interface Row {
  readonly host: string
  readonly figures: QueueFigures
  readonly connections: number
  readonly down: boolean
}

/** The appliance's table: the.tdc.queue, and under it each intake address, the fullest first. */
export function tophostsText(status: Status): string[] {
  const rows = rowsOf(status)
  const width = Math.max(HOST_WIDTH, ...rows.map(({ host }) => host.length + 1))
  return [
    `Status as of:                ${applianceMoment(status.takenAt)}`,
    "Hosts marked with '*' were down as of the last delivery attempt.",
    '',
    heading(HEADINGS, width),
    heading(UNITS, width),
    ...rows.map((row, at) => rowText(row, at + 1, width)),
  ]
}

export function rowsOf(status: Status): Row[] {
  const { domains } = status
  const open = (domain: string) => {
    const { connecting = 0, idle = 0, busy = 0 } = domains[domain] ?? {}
    return connecting + idle + busy
  }
  const judged = health(status)
  const tried = Object.entries(domains).filter(([, { lastAttempt }]) => lastAttempt !== 'unknown')
  const intakes = Object.entries(status.intakes)
    .map(([host, figures]) => ({
      host,
      figures,
      connections: open(figures.domain),
      down: isFailing(judged, figures.domain),
    }))
    .sort((a, b) => b.figures.active - a.figures.active || (a.host < b.host ? -1 : 1))
  const queue: Row = {
    host: QUEUE_DOMAIN,
    figures: status.queue,
    connections: Object.keys(domains).reduce((sum, domain) => sum + open(domain), 0),
    down: tried.length > 0 && tried.every(([domain]) => isFailing(judged, domain)),
  }
  return [queue, ...intakes]
}

function heading([host, figures]: readonly [string, string], width: number): string {
  return host.padEnd(width + 5) + figures
}

function rowText({ host, figures, connections, down }: Row, at: number, width: number): string {
  const { active, delivered, softBounced, hardBounced } = figures
  return [
    `${at}${down ? '*' : ''}`.padEnd(4),
    host.padEnd(width),
    cell(active, 7),
    cell(connections, 6),
    cell(delivered, 9),
    cell(softBounced, 7),
    cell(hardBounced, 0),
  ].join('')
}

/** A number of any length leaves a blank behind it. */
function cell(value: number, width: number): string {
  const text = value.toLocaleString('en-US')
  return width > 0 ? text.padEnd(width - 1) + ' ' : text
}
