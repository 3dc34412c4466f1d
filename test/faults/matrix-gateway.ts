import type { HarakaServer } from '../support/haraka'
import { mailAbout } from '../support/mail-path'
import { sendMail } from '../support/smtp-client'
import { Stage } from '../support/stage'
import type { Cell } from './intake-matrix'

/** Milliseconds until a copy has ended, with both attempts. */
const ENDED = 40_000

/** What the log says at the end of a copy. */
const ENDS: Readonly<Record<Cell['end'], string>> = {
  delivered: 'successfully delivered for scanning',
  'tls-error': 'TLS Error.',
  'hard-bounced': 'Hard Bounced.',
  expired: 'expired after',
}

/** Cells of the matrix through one real gateway: each has an intake, a policy and a mail of its own. */
export async function throughGateway(cells: readonly Cell[]): Promise<string[]> {
  const sites = cells.map(({ faults: script, keywords }, at) => [
    domainOf(at),
    { script, keywords, keepMessages: false },
  ])
  const stage = await Stage.start(Object.fromEntries(sites))
  try {
    const server = await stage.gateway({ tdc: tdcIni(stage.port, cells), domains: ['example.com'] })
    const found = await Promise.all(cells.map((cell, at) => tried(stage, server, cell, at)))
    return found.flat()
  } finally {
    await stage.close()
  }
}

function domainOf(at: number): string {
  return `d${at}.example`
}

function tdcIni(port: number, cells: readonly Cell[]): string {
  const policies = cells.map((_, at) => [
    `[policy.P${at}]`,
    'recipients=listed',
    `recipient_list[]=u${at}@example.com`,
    'intake=custom',
    `intake_address=intake@${domainOf(at)}`,
  ])
  const timeouts = ['connect', 'greeting', 'tls', 'command', 'data', 'final']
  return [
    '[main]',
    'enabled=true',
    ...policies.flat(),
    '[policy.DEFAULT]',
    'intake=no',
    '[delivery]',
    `port=${port}`,
    'min_connections=1',
    'max_connections=1',
    'retry_delay=1',
    '[timeouts]',
    ...timeouts.map((phase) => `${phase}=3`),
  ].join('\n')
}

async function tried(
  stage: Stage,
  server: HarakaServer,
  cell: Cell,
  at: number,
): Promise<string[]> {
  const body = 'A line of the original, long enough for all of them.\r\n'
  const raw = Buffer.from(
    `Subject: ${at}\r\n\r\n${body.repeat(Math.ceil(cell.size / body.length))}`,
  )
  const to = [`u${at}@example.com`]
  const { code, lines } = await sendMail(server, mailAbout('', { to, raw }))
  if (code !== 250) return [`${cell.name}: the original got ${code}`]
  const uuid = /\(([0-9A-F-]{36}\.\d+)\)/.exec(lines.join(' '))?.[1] ?? 'no uuid'
  const isEnd = (line: string) =>
    line.includes(`Message ${uuid}.tdc1 `) || line.includes(`MID ${uuid}.tdc1 expired`)
  const line = await server.waitForLine(isEnd, ENDED)
  const steps = stage.intake(domainOf(at)).connections.flatMap(({ seen }) => seen.steps)
  const attempts = steps.filter((step) => step === cell.counted).length
  const found: string[] = []
  if (!line.includes(ENDS[cell.end])) found.push(`gateway, ${cell.name}: ${line}`)
  const { most = cell.attempts } = cell
  const isRight = cell.attempts <= attempts && attempts <= most
  if (!isRight) found.push(`gateway, ${cell.name}: ${attempts} attempts`)
  return found
}
