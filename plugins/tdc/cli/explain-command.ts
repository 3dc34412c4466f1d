import { isIP } from 'node:net'
import type { Explanation } from '../decide/explain'
import { valueFrom } from './ask-server'
import { type Command, show } from './command'
import { EXIT, Stop } from './exit-code'
import { mayRelay } from './relay-clients'

export const explainCommand: Command = {
  name: 'explain',
  words: ['FROM', 'TO'],
  options: { ip: { type: 'string' }, relaying: { type: 'boolean' } },
  summary: 'which policy decides about a message, which intake gets its copy, and why',
  help: [
    "FROM may be '<>', the null sender. The running server is asked: what counts is in force there.",
    "--ip IP      of the client: relaying, if Haraka's relay plugin lists it in relay_acl_allow",
    '--relaying   the client authenticated, or may relay otherwise',
    'Exit code 1: no copy.',
  ],
  async run(call) {
    const [from = '', to = ''] = call.words
    const ip = clientIp(call.values['ip'])
    const directory = call.directory()
    if (!/^<?[^@<>]+@[^@<>]+>?$/.test(to)) {
      throw new Stop(EXIT.usage, `TO must be an address user@domain, not ${JSON.stringify(to)}`)
    }
    const listed = ip !== undefined && mayRelay(directory, ip)
    const relaying = listed || call.values['relaying'] === true
    const explanation = await valueFrom<Explanation>(directory, {
      ask: 'explain',
      from,
      to,
      relaying,
    })
    show(call, { ...explanation, relaying }, () => [
      explanation.text,
      ...(listed ? [`${ip} is in config/relay_acl_allow: the client may relay`] : []),
    ])
    return explanation.copy ? EXIT.ok : EXIT.no
  },
}

function clientIp(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (isIP(value) !== 0) return value
  throw new Stop(EXIT.usage, `--ip must be an IP address, not ${JSON.stringify(value)}`)
}
