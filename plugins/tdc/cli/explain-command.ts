import { isIP } from 'node:net'
import type { Explanation } from '../decide/explain'
import { valueFrom } from './ask-server'
import { type Command, show } from './command'
import { EXIT, Stop } from './exit-code'

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
    const becomes = textOf(call.values['becomes'])
    for (const [name, text] of [
      ['TO', to],
      ['--becomes', becomes || to],
    ] as const) {
      if (!isRecipient(text)) {
        const sentence = `${name} must be an address user@domain, not ${JSON.stringify(text)}`
        throw new Stop(EXIT.usage, sentence)
      }
    }
    const ip = textOf(call.values['ip'])
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

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The server parses more strictly; what it takes must not be refused here. */
function isRecipient(text: string): boolean {
  return /^<?(?:.+@[^@<>]+|postmaster)>?$/is.test(text)
}
