import { BlockList, isIP } from 'node:net'
import type { Explanation } from '../decide/explain'
import { valueFrom } from './ask-server'
import { type Command, show } from './command'
import { EXIT, Stop } from './exit-code'
import { relayNetworks } from './relay-networks'

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
    const { ip } = call.values
    const directory = call.directory()
    if (!/^<?[^@<>]+@[^@<>]+>?$/.test(to)) {
      throw new Stop(EXIT.usage, `TO must be an address user@domain, not ${JSON.stringify(to)}`)
    }
    const listed = typeof ip === 'string' && mayRelay(ip, relayNetworks(directory))
    const relaying = listed || call.values['relaying'] === true
    const explanation = await valueFrom<Explanation>(directory, {
      ask: 'explain',
      from,
      to,
      relaying,
    })
    show(call, { ...explanation, relaying }, () => [
      explanation.text,
      ...(listed ? [`${String(ip)} is in config/relay_acl_allow: the client may relay`] : []),
    ])
    return explanation.copy ? EXIT.ok : EXIT.no
  },
}

function mayRelay(ip: string, networks: readonly string[]): boolean {
  const family = isIP(ip)
  if (family === 0)
    throw new Stop(EXIT.usage, `--ip must be an IP address, not ${JSON.stringify(ip)}`)
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const kind = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(address) === 0) continue
    if (bits === undefined) list.addAddress(address, kind)
    else list.addSubnet(address, Number(bits), kind)
  }
  return list.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}
