import type { FoundInCluster } from '../cluster/cluster-view'
import type { Found } from '../control/gathered'
import { valueFrom } from './ask-server'
import { type Call, type Command, show, silentText } from './command'
import { EXIT, type ExitCode, Stop } from './exit-code'
import { LogSearch, type LogStep } from './log-search'
import { linesOfLog } from './log-file'
import { table } from './table'
import { trackedText } from './tracked-text'

export const trackCommand: Command = {
  name: 'track',
  words: ['MESSAGE-ID|MID|ADDRESS'],
  options: { log: { type: 'string', multiple: true }, cluster: { type: 'boolean' } },
  summary: 'what became of a message, each step with its time',
  help: [
    'Looks in the memory of the running server, which holds its last messages ([monitor] track).',
    '--log FILE   looks in a log file of Haraka instead, also compressed (.gz); - is standard input.',
    '             May be given several times. An address is found by the lines of Haraka itself.',
    '--cluster    looks among the last messages of all machines ([cluster] redis=true). An address is',
    '             found only if they share addresses ([cluster] share_addresses).',
    'Exit code 1: nothing was found.',
  ],
  async run(call) {
    const files = [call.values['log'] ?? []].flat() as string[]
    if (files.length > 0) return trackInLogs(call, files)
    return call.values['cluster'] ? trackInCluster(call) : trackInServer(call)
  },
}

async function trackInServer(call: Call): Promise<ExitCode> {
  const wanted = call.words[0] ?? ''
  const found = await valueFrom<Found>(call.directory(), { ask: 'track', wanted })
  const { messages, silent } = found
  show(call, found, () => [
    ...messages.flatMap((message, at) => [...(at > 0 ? [''] : []), ...trackedText(message)]),
    ...(messages.length === 0 ? ['nothing found; --log FILE looks in log files'] : []),
    ...silentText(silent),
  ])
  return messages.length > 0 ? EXIT.ok : EXIT.no
}

async function trackInCluster(call: Call): Promise<ExitCode> {
  const wanted = call.words[0] ?? ''
  const found = await valueFrom<FoundInCluster>(call.directory(), { ask: 'cluster-track', wanted })
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
  const search = new LogSearch(call.words[0] ?? '')
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
