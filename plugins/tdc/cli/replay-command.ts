import type { ReplayResult } from '../queue/replay'
import { valueFrom } from './ask-server'
import { type Call, type Command, copiesText, show } from './command'
import { EXIT, Stop } from './exit-code'

export const replayCommand: Command = {
  name: 'replay',
  words: [],
  options: {
    mid: { type: 'string' },
    intake: { type: 'string' },
    since: { type: 'string' },
    all: { type: 'boolean' },
  },
  summary: 'sends copies again that were given up and kept ([failed] keep)',
  help: [
    '--mid MID, --intake ADDRESS, --since TIME   only those; TIME such as 2026-11-21T03:00',
    '--all                                       every kept copy',
    'Exit code 1: some were refused, or left because the queue is full.',
  ],
  async run(call) {
    const { mid, intake, since } = given(call)
    const answer = await valueFrom<ReplayResult>(call.directory(), {
      ask: 'replay',
      mid,
      intake,
      since,
    })
    const { replayed, refused, left } = answer
    show(call, answer, () => [
      `${copiesText(replayed)} replayed`,
      ...(refused > 0 ? [`${refused} refused; the log says why`] : []),
      ...(left > 0 ? [`${left} left, the queue is full ([queue] max_copies)`] : []),
    ])
    return refused + left === 0 ? EXIT.ok : EXIT.no
  },
}

function given({ values }: Call): { mid: string; intake: string; since: number } {
  const text = (name: string): string => {
    const value = values[name]
    return typeof value === 'string' ? value : ''
  }
  const [mid, intake, since] = [text('mid'), text('intake'), text('since')]
  if (!mid && !intake && !since && values['all'] !== true) {
    throw new Stop(EXIT.usage, 'replay what? name --mid, --intake or --since, or say --all')
  }
  const moment = since === '' ? 0 : Date.parse(since)
  if (Number.isNaN(moment)) {
    throw new Stop(EXIT.usage, `--since must be a time such as 2026-11-21T03:00, not ${since}`)
  }
  return { mid, intake, since: moment }
}
