import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { QUEUE_ORDERS } from '../control/orders'
import { MOST_LISTED, type Request } from '../control/request'
import type { SilentWorker } from '../monitor/status'
import type { AdoptResult } from '../queue/adoption'
import type { QueuedCopy } from '../queue/queued-copy'
import {
  type Call,
  type Command,
  copiesText,
  EXIT,
  type ExitCode,
  show,
  silentText,
  Stop,
} from './command'
import { durationText } from './moments'
import { intakeProblem, listingBy, nothingFor, seeking, soughtBy } from './seeking'
import { askServer, valueFrom } from './server'
import { table } from './terminal'

const QUEUE = { sorts: QUEUE_ORDERS, usual: 100, most: MOST_LISTED }
const SEEK = seeking(['intake', 'sender', 'recipient', 'since'], QUEUE)

interface Listed {
  readonly copies: readonly QueuedCopy[]
  readonly silent: readonly SilentWorker[]
}

export const queueCommand: Command = {
  name: 'queue',
  words: [],
  options: SEEK.options,
  summary: 'the copies in the queue, the oldest first',
  help: [
    ...SEEK.help,
    'Senders and recipients are known of the messages that track finds, not after a restart.',
  ],
  async run(call) {
    const listing = listingBy(call, QUEUE)
    const sought = soughtBy(call)
    const request = { ask: 'queue', ...sought, ...listing } as const
    const listed = await valueFrom<Listed>(call.directory(), request)
    const isAll = Object.values(sought).every((value) => !value)
    const hint = listed.copies.length === 0 ? await nothingFor(call, sought.intake) : []
    show(call, listed, () => [...queueText(listed, listing.most, isAll), ...hint])
    return EXIT.ok
  },
}

function queueText({ copies, silent }: Listed, most: number, isAll: boolean): string[] {
  const more = copies.length === most ? [`the first ${most}; --most NUMBER shows more`] : []
  if (copies.length === 0) {
    return [isAll ? 'the queue is empty' : 'no such copy is in the queue', ...silentText(silent)]
  }
  return [
    ...table([
      ['MID', 'Intake', 'State', 'Age', 'Attempts', 'Size', 'Last failure'],
      ...copies.map((copy) => [
        copy.mid,
        copy.intake,
        copy.state,
        durationText(copy.ageMs),
        copy.attempts,
        copy.size,
        copy.lastFailure ?? '',
      ]),
    ]),
    ...more,
    ...silentText(silent),
  ]
}

/** How many copies a command to the queue was about. */
interface Moved {
  readonly copies: number
  readonly silent: readonly SilentWorker[]
}

const INTAKE = { intake: { type: 'string' } } as const
const INTAKE_HELP = '--intake DOMAIN   only copies for this intake domain, or address'

export const holdCommand: Command = {
  name: 'hold',
  words: [],
  options: INTAKE,
  summary: 'no copy is sent any more until release; mail goes on, and copies wait without aging',
  help: [INTAKE_HELP, 'A hold outlives a restart.'],
  run: async (call) => move(call, { ask: 'hold', domain: await intakeDomain(call) }, 'held'),
}

export const releaseCommand: Command = {
  name: 'release',
  words: [],
  options: INTAKE,
  summary: 'copies that are held go out',
  help: [INTAKE_HELP, 'Without it every hold ends.'],
  run: async (call) => move(call, { ask: 'release', domain: await intakeDomain(call) }, 'released'),
}

export const flushCommand: Command = {
  name: 'flush',
  words: [],
  options: {},
  summary: 'copies that wait for their retry have it now',
  help: [],
  run: (call) => move(call, { ask: 'flush' }, 'flushed'),
}

async function move(call: Call, request: Request, done: string): Promise<ExitCode> {
  const moved = await valueFrom<Moved>(call.directory(), request)
  const { copies, silent } = moved
  show(call, moved, () => [`${copiesText(copies)} ${done}`, ...silentText(silent)])
  return silent.length === 0 ? EXIT.ok : EXIT.no
}

/** The domain of `--intake`, which must be known; '': none was given, so all are meant. */
async function intakeDomain(call: Call): Promise<string> {
  const given = call.values['intake']
  if (typeof given !== 'string') return ''
  const problem = await intakeProblem(call, given)
  if (problem !== undefined) throw new Stop(EXIT.no, problem)
  return given.slice(given.lastIndexOf('@') + 1).toLowerCase()
}

interface Dropped {
  readonly dropped: boolean
  readonly silent: readonly SilentWorker[]
}

export const dropCommand: Command = {
  name: 'drop',
  words: ['MID'],
  options: {},
  summary: 'takes one copy out of the queue, or out of the kept ones, unsent and for good',
  help: ['Exit code 1: there is no such copy, its original is not queued yet, or it ends anyway.'],
  async run(call) {
    const mid = call.words[0] ?? ''
    const answer = await valueFrom<Dropped>(call.directory(), { ask: 'drop', mid })
    show(call, answer, () => [
      answer.dropped ? `${mid} dropped` : `no copy ${JSON.stringify(mid)} that can be dropped`,
      ...silentText(answer.silent),
    ])
    return answer.dropped ? EXIT.ok : EXIT.no
  },
}

export const adoptCommand: Command = {
  name: 'adopt',
  words: ['QUEUE'],
  options: { force: { type: 'boolean' } },
  summary: 'takes the copies out of the queue directory of another server, which has ended',
  help: [
    'QUEUE is a directory that this server can read and write, such as that of a disk mounted here.',
    'Other mail in it stays. Each copy is adopted once, also when several try; when this is',
    'interrupted, run it again for the same directory. The age of a copy begins anew, unless',
    '[delivery] max_age_counts_downtime is set.',
    '--force   also when a process of that server seems to run',
    'Exit code 1: some stay where they are; the log says why.',
  ],
  async run(call) {
    const directory = resolve(call.words[0] ?? '')
    const force = call.values['force'] === true
    if (existsSync(join(directory, 'config', 'plugins'))) {
      throw new Stop(EXIT.usage, `${directory} is a server directory: name its queue directory`)
    }
    if (!force) await refuseLive(dirname(directory), call.directory())
    const result = await adoptAll(call, directory, force)
    show(call, result, () => linesOf(result))
    return result.refused + result.left + result.rest === 0 ? EXIT.ok : EXIT.no
  },
}

/** A queue directory lies in its server's directory, where the control socket is. */
async function refuseLive(serverDirectory: string, own: string): Promise<void> {
  if (resolve(serverDirectory) === resolve(own)) return
  const answered = await askServer(serverDirectory, { ask: 'status' }).then(
    () => true,
    () => false,
  )
  if (!answered) return
  throw new Stop(EXIT.no, `the server in ${serverDirectory} runs: end it first`)
}

/** One call takes what it can in a few seconds; what it has no time for is asked for again. */
async function adoptAll(call: Call, directory: string, force: boolean): Promise<AdoptResult> {
  let adopted = 0
  for (;;) {
    const answer = await valueFrom<AdoptResult>(call.directory(), {
      ask: 'adopt',
      directory,
      force,
    })
    adopted += answer.adopted
    if (answer.rest === 0 || answer.adopted === 0) return { ...answer, adopted }
  }
}

function linesOf({ adopted, refused, left, rest }: AdoptResult): string[] {
  return [
    `${copiesText(adopted)} adopted`,
    ...(refused > 0 ? [`${refused} refused; the log says why`] : []),
    ...(left > 0 ? [`${left} left, the queue has no room ([queue])`] : []),
    ...(rest > 0 ? [`${rest} files not looked at; run this again`] : []),
  ]
}
