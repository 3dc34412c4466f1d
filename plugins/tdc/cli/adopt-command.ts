import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { AdoptResult } from '../queue/adoption'
import { askServer, valueFrom } from './ask-server'
import { type Call, type Command, copiesText, show } from './command'
import { EXIT, Stop } from './exit-code'

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
