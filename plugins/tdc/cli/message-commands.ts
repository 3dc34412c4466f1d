import { isIP } from 'node:net'
import type { MessagesSought } from '../base/sought'
import { MOST_TRACKED } from '../control/tracked-messages'
import { MESSAGE_ORDERS, MOST_FOUND, type TrackedMessage } from '../monitor/tracked'
import type { QueuedCopy } from '../queue/queued-copy'
import {
  type Call,
  command,
  EXIT,
  type ExitCode,
  flagOption,
  givenOf,
  show,
  silentText,
  Stop,
  textOption,
  textsOption,
} from './command'
import { elsewhereText } from './cluster-queue'
import { linesOfLog, LogSearch, type LogStep } from './log-search'
import { clockText, durationText, momentText } from './moments'
import { listing, listingBy, nothingFor, SEEK, soughtBy } from './seeking'
import { ask } from './server'
import { table } from './terminal'

const FOUND = { sorts: MESSAGE_ORDERS, usual: MOST_FOUND, most: MOST_TRACKED }

export const trackCommand = command('track', {
  words: ['[MESSAGE-ID|MID|ADDRESS]'],
  options: {
    ...SEEK,
    ...listing(FOUND),
    log: textsOption(
      'FILE',
      'looks in a log file of Haraka instead, also compressed (.gz); - is standard input.',
      'May be given several times. An address is found by the lines of Haraka itself.',
    ),
    cluster: flagOption(
      'looks among the last messages of all machines ([cluster] redis=true). An address is',
      'found only if they share addresses ([cluster] share_addresses).',
    ),
  },
  summary: 'what became of a message, each step with its time',
  help: [
    'Looks in the memory of the running server, which holds its last messages ([monitor] track).',
    'Without a word: all of these that the options name.',
    'Exit code 1: nothing was found.',
  ],
  async run(call) {
    const { log, cluster, ...seeks } = call.values
    const [wanted = ''] = call.words
    if (log.length > 0) {
      const other = givenOf(seeks)
      if (other !== undefined) throw new Stop(EXIT.usage, `--${other} cannot be had with --log`)
      return trackInLogs(call, wanted, log)
    }
    const sought = { wanted, ...soughtBy(seeks), ...listingBy(seeks, FOUND) }
    return cluster ? trackInCluster(call, sought) : trackInServer(call, sought)
  },
})

type Asking = Omit<Call, 'values'>

async function trackInServer(call: Asking, sought: MessagesSought): Promise<ExitCode> {
  const found = await ask(call, 'track', { cameTo: '', ...sought })
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

async function trackInCluster(call: Asking, sought: MessagesSought): Promise<ExitCode> {
  const found = await ask(call, 'cluster-track', sought)
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

async function trackInLogs(
  call: Asking,
  wanted: string,
  files: readonly string[],
): Promise<ExitCode> {
  if (wanted === '') throw new Stop(EXIT.usage, 'track what in the log? name a word of it')
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

export const showCommand = command('show', {
  words: ['MID'],
  summary: 'one copy: where it stands, and each step of it',
  help: ['Exit code 1: it is neither in the queue nor kept, and not in the memory of the server.'],
  async run(call) {
    const mid = call.words[0] ?? ''
    const shown = await ask(call, 'show', { mid })
    const { copy, kept, messages, silent } = shown
    const known = copy !== null || kept !== null || messages.length > 0
    const isHere = copy !== null || kept !== null
    const elsewhere = isHere || call.json ? [] : await elsewhereText(call, mid)
    show(call, shown, () => [
      ...(copy ? copyText(copy) : []),
      ...(kept ? [`kept since ${momentText(kept.at)}: ${kept.cause}, ${kept.bytes} octets`] : []),
      ...messages.flatMap(trackedText),
      ...(known ? [] : [`nothing is known of ${JSON.stringify(mid)}`]),
      ...elsewhere,
      ...silentText(silent),
    ])
    return known ? EXIT.ok : EXIT.no
  },
})

function copyText(copy: QueuedCopy): string[] {
  const { mid, intake, state, ageMs, attempts, size, lastFailure } = copy
  return table([
    ['MID', mid],
    ['Intake', intake],
    ['State', `${state}, in the queue for ${durationText(ageMs)}`],
    ['Failed attempts', `${attempts}${lastFailure ? `: ${lastFailure}` : ''}`],
    ['Size', `${size} octets`],
  ])
}

export const explainCommand = command('explain', {
  words: ['FROM', 'TO'],
  options: {
    becomes: textOption('ADDRESS', 'what an alias or a route makes of TO'),
    ip: textOption('IP', 'of the client: relaying, if the relay plugin lets it'),
    relaying: flagOption('the client authenticated, or may relay otherwise'),
  },
  summary: 'which policy decides about a message, which intake gets its copy, and why',
  help: [
    "FROM may be '<>', the null sender. The running server is asked: what counts is in force there.",
    'Exit code 1: no copy.',
  ],
  async run(call) {
    const [from = '', to = ''] = call.words
    const { becomes, ip, relaying } = call.values
    if (from !== '<>' && !isRecipient(from)) {
      const must = "FROM must be an address user@domain, or '<>'"
      throw new Stop(EXIT.usage, `${must}, not ${JSON.stringify(from)}`)
    }
    for (const [name, given] of [
      ['TO', to],
      ['--becomes', becomes || to],
    ] as const) {
      if (!isRecipient(given)) {
        const sentence = `${name} must be an address user@domain, not ${JSON.stringify(given)}`
        throw new Stop(EXIT.usage, sentence)
      }
    }
    if (ip !== '' && isIP(ip) === 0) {
      throw new Stop(EXIT.usage, `--ip must be an IP address, not ${JSON.stringify(ip)}`)
    }
    const explanation = await ask(call, 'explain', { from, to, becomes, ip, relaying })
    show(call, explanation, () => [
      explanation.text,
      ...(explanation.relaying && !relaying ? [`the relay plugin lets ${ip} relay`] : []),
    ])
    return explanation.copy ? EXIT.ok : EXIT.no
  },
})

/** The server parses more strictly; what it takes must not be refused here. */
function isRecipient(text: string): boolean {
  return /^<?(?:.+@[^@<>]+|postmaster)>?$/is.test(text)
}
