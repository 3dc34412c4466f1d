import { parseArgs } from 'node:util'
import { backlog } from './backlog'
import { backlogRounds } from './backlog-rounds'
import { deliverHaraka } from './deliver-haraka'
import { deliverNodemailer } from './deliver-nodemailer'
import { deliverPostfix } from './deliver-postfix'
import type { Figure } from './figure'
import { gatewayCpu } from './gateway-cpu'
import { gatewayPage } from './gateway-page'
import { gatewayRate } from './gateway-rate'
import { gatewayRedis } from './gateway-redis'
import { burst, slowDisk } from './burst'
import { latency } from './latency'
import { loneCopy } from './lone-copy'
import { memory } from './memory'
import { policy } from './policy'
import { VERSION_0_2 } from './older-build'
import { rtt40 } from './rtt'
import { spool } from './spool'
import { systemCalls } from './system-calls'
import { TLS_RESUMPTION } from './tls-resumption'

/** Every case by its name; `before` is the commit whose build some are compared with. */
const CASES: Readonly<Record<string, (before: string) => Promise<Figure | undefined>>> = {
  'gateway-cpu': gatewayCpu,
  'gateway-page': gatewayPage,
  'gateway-rate': gatewayRate,
  'gateway-redis': gatewayRedis,
  'system-calls': systemCalls,
  latency,
  burst,
  'slow-disk': slowDisk,
  memory,
  backlog,
  'backlog-rounds': backlogRounds,
  policy,
  spool,
  'deliver-nodemailer': deliverNodemailer,
  'deliver-haraka': deliverHaraka,
  'deliver-postfix': deliverPostfix,
  'rtt-40': rtt40,
  'lone-copy': loneCopy,
  ...TLS_RESUMPTION,
}

/** `NAME ...`, without a name all; `--against COMMIT`, without it version 0.2.0. */
async function main(args: string[]): Promise<void> {
  const { values, positionals: names } = parseArgs({
    args,
    allowPositionals: true,
    options: { against: { type: 'string', default: VERSION_0_2 } },
  })
  const unknown = names.filter((name) => !(name in CASES))
  if (unknown.length > 0) {
    throw new Error(`no case ${unknown.join(', ')}; there are: ${Object.keys(CASES).join(', ')}`)
  }
  const figures: Figure[] = []
  for (const name of names.length > 0 ? names : Object.keys(CASES)) {
    console.log(`\n${name}`)
    const figure = await CASES[name]?.(values.against)
    if (figure) figures.push(figure)
  }
  console.log()
  for (const figure of figures) console.log(JSON.stringify(figure))
}

// What was started ends with this process, also when somebody ends it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
})
