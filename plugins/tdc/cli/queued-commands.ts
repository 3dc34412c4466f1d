import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { MOST_LISTED } from '../control/asking'
import { QUEUE_ORDERS } from '../control/copies'
import type { AnswerTo } from '../control/requests'
import type { AdoptResult } from '../queue/adoption'
import { clusterQueue, elsewhereText, othersText } from './cluster-queue'
import {
  type Call,
  command,
  copiesText,
  EXIT,
  type ExitCode,
  flagOption,
  givenOf,
  show,
  silentText,
  Stop,
  textOption,
} from './command'
import { durationText } from './moments'
import { intakeProblem, listing, listingBy, nothingFor, SEEK, soughtBy } from './seeking'
import { ask, askServer } from './server'
import { table } from './terminal'

const QUEUE = { sorts: QUEUE_ORDERS, usual: 100, most: MOST_LISTED }

export const queueCommand = command('queue', {
  options: {
    ...SEEK,
    ...listing(QUEUE),
    cluster: flagOption(
      'of all machines that share their queue ([queue] store=redis), and whose each is',
    ),
  },
  summary: 'the copies in the queue, the oldest first',
  help: ['Senders and recipients are known of the messages that track finds, not after a restart.'],
  async run(call) {
    const [sought, shown] = [soughtBy(call.values), listingBy(call.values, QUEUE)]
    const { cluster, intake, sender, recipient, since, sort } = call.values
    const other = givenOf({ intake, sender, recipient, since, sort })
    if (cluster) return clusterQueue(call, shown.most, other)
    const listed = await ask(call, 'queue', { ...sought, ...shown })
    const isAll = Object.values(sought).every((value) => !value)
    const hint = listed.copies.length === 0 ? await nothingFor(call, sought.intake) : []
    show(call, listed, () => [...queueText(listed, shown.most, isAll), ...hint])
    return EXIT.ok
  },
})

function queueText({ copies, silent }: AnswerTo<'queue'>, most: number, isAll: boolean): string[] {
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

const INTAKE = {
  intake: textOption('DOMAIN', 'only copies for this intake domain, or address'),
}

export const holdCommand = command('hold', {
  options: INTAKE,
  summary: 'no copy is sent any more until release; mail goes on, and copies wait without aging',
  help: ['A hold outlives a restart. Where machines share their queue each holds its own copies.'],
  async run(call) {
    const code = moved(call, await ask(call, 'hold', { domain: await intakeDomain(call) }), 'held')
    if (!call.json) call.terminal.print(await othersText(call))
    return code
  },
})

export const releaseCommand = command('release', {
  options: INTAKE,
  summary: 'copies that are held go out',
  help: ['Without it every hold ends.'],
  run: async (call) =>
    moved(call, await ask(call, 'release', { domain: await intakeDomain(call) }), 'released'),
})

export const flushCommand = command('flush', {
  summary: 'copies that wait for their retry have it now',
  run: async (call) => moved(call, await ask(call, 'flush', {}), 'flushed'),
})

function moved(
  call: Pick<Call, 'json' | 'terminal'>,
  answer: AnswerTo<'hold' | 'release' | 'flush'>,
  done: string,
): ExitCode {
  const { copies, silent } = answer
  show(call, answer, () => [`${copiesText(copies)} ${done}`, ...silentText(silent)])
  return silent.length === 0 ? EXIT.ok : EXIT.no
}

/** The domain of `--intake`, which must be known; '': none was given, so all are meant. */
async function intakeDomain(call: Call<typeof INTAKE>): Promise<string> {
  const given = call.values.intake
  const problem = given === '' ? undefined : await intakeProblem(call, given)
  if (problem !== undefined) throw new Stop(EXIT.no, problem)
  return given.slice(given.lastIndexOf('@') + 1).toLowerCase()
}

export const dropCommand = command('drop', {
  words: ['MID'],
  summary: 'takes one copy out of the queue, or out of the kept ones, unsent and for good',
  help: ['Exit code 1: there is no such copy, its original is not queued yet, or it ends anyway.'],
  async run(call) {
    const mid = call.words[0] ?? ''
    const answer = await ask(call, 'drop', { mid })
    const elsewhere = answer.dropped || call.json ? [] : await elsewhereText(call, mid)
    show(call, answer, () => [
      answer.dropped ? `${mid} dropped` : `no copy ${JSON.stringify(mid)} that can be dropped`,
      ...elsewhere,
      ...silentText(answer.silent),
    ])
    return answer.dropped ? EXIT.ok : EXIT.no
  },
})

export const adoptCommand = command('adopt', {
  words: ['QUEUE'],
  options: { force: flagOption('also when a process of that server seems to run') },
  summary: 'takes the copies out of the queue directory of another server, which has ended',
  help: [
    'QUEUE is a directory that this server can read and write, such as that of a disk mounted here.',
    'Other mail in it stays. Each copy is adopted once, also when several try; when this is',
    'interrupted, run it again for the same directory. The age of a copy begins anew, unless',
    '[delivery] max_age_counts_downtime is set.',
    'Exit code 1: some stay where they are; the log says why.',
  ],
  async run(call) {
    const directory = resolve(call.words[0] ?? '')
    const { force } = call.values
    if (existsSync(join(directory, 'config', 'plugins'))) {
      throw new Stop(EXIT.usage, `${directory} is a server directory: name its queue directory`)
    }
    if (!force) await refuseLive(dirname(directory), call.directory())
    const result = await adoptAll(call, directory, force)
    show(call, result, () => linesOf(result))
    return result.refused + result.left + result.rest === 0 ? EXIT.ok : EXIT.no
  },
})

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
async function adoptAll(
  call: Pick<Call, 'directory'>,
  directory: string,
  force: boolean,
): Promise<AdoptResult> {
  let adopted = 0
  for (;;) {
    const answer = await ask(call, 'adopt', { directory, force })
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
