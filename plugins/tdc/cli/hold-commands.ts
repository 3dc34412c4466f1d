import type { Request } from '../control/request'
import type { SilentWorker } from '../monitor/status'
import { valueFrom } from './ask-server'
import { type Call, type Command, copiesText, show, silentText } from './command'
import { EXIT, type ExitCode } from './exit-code'

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
  run: (call) => move(call, { ask: 'hold', domain: domainOf(call) }, 'held'),
}

export const releaseCommand: Command = {
  name: 'release',
  words: [],
  options: INTAKE,
  summary: 'copies that are held go out',
  help: [INTAKE_HELP, 'Without it every hold ends.'],
  run: (call) => move(call, { ask: 'release', domain: domainOf(call) }, 'released'),
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

function domainOf({ values }: Call): string {
  const intake = typeof values['intake'] === 'string' ? values['intake'] : ''
  return intake.slice(intake.lastIndexOf('@') + 1)
}
