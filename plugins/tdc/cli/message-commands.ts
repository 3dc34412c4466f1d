import { isIP } from 'node:net'
import type { FoundInCluster } from '../cluster/cluster-view'
import type { Found, Shown } from '../control/gathered'
import { MESSAGE_ORDERS } from '../control/orders'
import { type MessagesSought, MOST_TRACKED } from '../control/request'
import type { Explanation } from '../decide/explain'
import { MOST_FOUND, type TrackedMessage } from '../monitor/tracked'
import type { KeptCopy } from '../queue/kept-name'
import type { QueuedCopy } from '../queue/queued-copy'
import { type Call, type Command, EXIT, type ExitCode, show, silentText, Stop } from './command'
import { linesOfLog, LogSearch, type LogStep } from './log-search'
import { clockText, durationText, momentText } from './moments'
import { listingBy, nothingFor, seeking, soughtBy, textIn } from './seeking'
import { valueFrom } from './server'
import { table } from './terminal'

const FOUND = { sorts: MESSAGE_ORDERS, usual: MOST_FOUND, most: MOST_TRACKED }
const SEEK = seeking(['intake', 'sender', 'recipient', 'since'], FOUND)

export const trackCommand: Command = {
  name: 'track',
  words: ['[MESSAGE-ID|MID|ADDRESS]'],
  options: {
    ...SEEK.options,
    log: { type: 'string', multiple: true },
    cluster: { type: 'boolean' },
  },
  summary: 'what became of a message, each step with its time',
  help: [
    'Looks in the memory of the running server, which holds its last messages ([monitor] track).',
    'Without a word: all of these that the options name.',
    ...SEEK.help,
    '--log FILE   looks in a log file of Haraka instead, also compressed (.gz); - is standard input.',
    '             May be given several times. An address is found by the lines of Haraka itself.',
    '--cluster    looks among the last messages of all machines ([cluster] redis=true). An address is',
    '             found only if they share addresses ([cluster] share_addresses).',
    'Exit code 1: nothing was found.',
  ],
  async run(call) {
    const files = [call.values['log'] ?? []].flat() as string[]
    if (files.length > 0) return trackInLogs(call, files)
    const [wanted = ''] = call.words
    const sought = { wanted, ...soughtBy(call), ...listingBy(call, FOUND) }
    return call.values['cluster'] ? trackInCluster(call, sought) : trackInServer(call, sought)
  },
}

async function trackInServer(call: Call, sought: MessagesSought): Promise<ExitCode> {
  const found = await valueFrom<Found>(call.directory(), {
    ...{ ask: 'track', cameTo: '', ...sought },
  })
  const { messages, silent } = found
  const hint = messages.length === 0 ? await nothingFor(call, sought.intake) : []
  show(call, found, () => [
    ...messages.flatMap((message, at) => [...(at > 0 ? [''] : []), ...trackedText(message)]),
    ...(messages.length === 0 ? ['nothing found; --log FILE looks in log files'] : []),
    ...hint,
    ...silentText(silent),
  ])
  return messages.length > 0 ? EXIT.ok : EXIT.no
}

async function trackInCluster(call: Call, sought: MessagesSought): Promise<ExitCode> {
  const request = { ask: 'cluster-track', ...sought } as const
  const found = await valueFrom<FoundInCluster>(call.directory(), request)
  const { messages, silent } = found
  show(call, found, () => [
    ...messages.flatMap((message, at) => [
      ...(at > 0 ? [''] : []),
      `On ${message.machine}:`,
      ...trackedText(message),
    ]),
    ...(messages.length === 0 ? ['nothing found; each machine shows its last messages only'] : []),
    ...silent.map((machine) => `${machine} reports no more`),
  ])
  return messages.length > 0 ? EXIT.ok : EXIT.no
}

async function trackInLogs(call: Call, files: readonly string[]): Promise<ExitCode> {
  const [wanted] = call.words
  const other = Object.keys(SEEK.options).find((name) => call.values[name] !== undefined)
  if (other !== undefined) throw new Stop(EXIT.usage, `--${other} cannot be had with --log`)
  if (wanted === undefined) throw new Stop(EXIT.usage, 'track what in the log? name a word of it')
  const search = new LogSearch(wanted)
  const steps: LogStep[] = []
  for (const file of files) {
    let read = 0
    try {
      for await (const line of linesOfLog(file)) {
        const step = search.take(line)
        if (step) steps.push(step)
        if (++read % 100_000 === 0) {
          call.terminal.progress(`${file}: ${read.toLocaleString('en-US')} lines`)
        }
      }
    } catch (error) {
      throw new Stop(EXIT.no, `${file} cannot be read: ${(error as Error).message}`)
    }
  }
  show(call, steps, () =>
    steps.length > 0
      ? table(steps.map(({ time, uuid, text }) => [time, uuid, text]))
      : ['nothing found'],
  )
  return steps.length > 0 ? EXIT.ok : EXIT.no
}

/** One message and each step of it, with its time. */
function trackedText(message: TrackedMessage): string[] {
  const { transaction, at, messageId, sender, recipients, recipientCount, steps } = message
  const more = recipientCount - recipients.length
  const known = recipientCount > 0
  return [
    `Message ${transaction}  ${momentText(at)}  ${messageId}`.trimEnd(),
    ...(known ? [`  from <${sender}>`] : []),
    ...(known ? [`  to ${recipients.join(', ')}${more > 0 ? ` and ${more} more` : ''}`] : []),
    ...table(steps.map((step) => [`  ${clockText(step.at)}`, step.kind, step.text])),
  ]
}

export const showCommand: Command = {
  name: 'show',
  words: ['MID'],
  options: {},
  summary: 'one copy: where it stands, and each step of it',
  help: ['Exit code 1: it is neither in the queue nor kept, and not in the memory of the server.'],
  async run(call) {
    const mid = call.words[0] ?? ''
    const shown = await valueFrom<Shown<QueuedCopy, KeptCopy>>(call.directory(), {
      ask: 'show',
      mid,
    })
    const { copy, kept, messages, silent } = shown
    const known = copy !== null || kept !== null || messages.length > 0
    show(call, shown, () => [
      ...(copy ? copyText(copy) : []),
      ...(kept ? [`kept since ${momentText(kept.at)}: ${kept.cause}, ${kept.bytes} octets`] : []),
      ...messages.flatMap(trackedText),
      ...(known ? [] : [`nothing is known of ${JSON.stringify(mid)}`]),
      ...silentText(silent),
    ])
    return known ? EXIT.ok : EXIT.no
  },
}

function copyText({
  mid,
  intake,
  state,
  ageMs,
  attempts,
  size,
  lastFailure,
}: QueuedCopy): string[] {
  return table([
    ['MID', mid],
    ['Intake', intake],
    ['State', `${state}, in the queue for ${durationText(ageMs)}`],
    ['Failed attempts', `${attempts}${lastFailure ? `: ${lastFailure}` : ''}`],
    ['Size', `${size} octets`],
  ])
}

export const explainCommand: Command = {
  name: 'explain',
  words: ['FROM', 'TO'],
  options: { becomes: { type: 'string' }, ip: { type: 'string' }, relaying: { type: 'boolean' } },
  summary: 'which policy decides about a message, which intake gets its copy, and why',
  help: [
    "FROM may be '<>', the null sender. The running server is asked: what counts is in force there.",
    '--becomes ADDRESS  what an alias or a route makes of TO',
    '--ip IP            of the client: relaying, if the relay plugin lets it',
    '--relaying         the client authenticated, or may relay otherwise',
    'Exit code 1: no copy.',
  ],
  async run(call) {
    const [from = '', to = ''] = call.words
    const becomes = textIn(call, 'becomes')
    if (from !== '<>' && !isRecipient(from)) {
      const must = "FROM must be an address user@domain, or '<>'"
      throw new Stop(EXIT.usage, `${must}, not ${JSON.stringify(from)}`)
    }
    for (const [name, text] of [
      ['TO', to],
      ['--becomes', becomes || to],
    ] as const) {
      if (!isRecipient(text)) {
        const sentence = `${name} must be an address user@domain, not ${JSON.stringify(text)}`
        throw new Stop(EXIT.usage, sentence)
      }
    }
    const ip = textIn(call, 'ip')
    if (ip !== '' && isIP(ip) === 0) {
      throw new Stop(EXIT.usage, `--ip must be an IP address, not ${JSON.stringify(ip)}`)
    }
    const relaying = call.values['relaying'] === true
    const explanation = await valueFrom<Explanation>(call.directory(), {
      ...{ ask: 'explain', from, to, becomes, ip, relaying },
    })
    show(call, explanation, () => [
      explanation.text,
      ...(explanation.relaying && !relaying ? [`the relay plugin lets ${ip} relay`] : []),
    ])
    return explanation.copy ? EXIT.ok : EXIT.no
  },
}

/** The server parses more strictly; what it takes must not be refused here. */
function isRecipient(text: string): boolean {
  return /^<?(?:.+@[^@<>]+|postmaster)>?$/is.test(text)
}
