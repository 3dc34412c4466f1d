import { join } from 'node:path'
import { HarakaServer, makeServerDir } from '../support/haraka'
import { within } from '../support/within'
import { RECIPIENT } from './message'
import { fillQueue, type QueueOwner } from './queue-files'
import type { Sink } from './sink'
import { INTAKE_HOST } from './trust'

const DEADLINE = 60_000
const LOADING = 'Loading outbound queue from'

export interface QueueRun {
  readonly owner: QueueOwner
  readonly messages: number
  readonly connections: number
  readonly sink: Sink
  /** PEM of the root that signed the sink's certificate. */
  readonly ca: string
}

/**
 * A Haraka that finds messages in its queue directory when it starts. Seconds from the line with
 * which core begins to load the queue, the same code whoever delivers, to the last message at the
 * sink; so also the connector's copies are loaded by core, each from its file.
 */
export async function runQueue(run: QueueRun): Promise<number> {
  const { owner, messages, connections, sink, ca } = run
  const dir = await makeServerDir({
    plugins: [owner === 'connector' ? 'tdc' : 'route'],
    localPlugins: { route: routePlugin(sink.port) },
    config: {
      'outbound.ini': `concurrency_max=${connections}\n`,
      'tls.ini': `[outbound]\nforce_tls_hosts[]=${domain}\nforce_tls_hosts[]=${INTAKE_HOST}\n`,
      'trusted.pem': ca,
      'tdc.ini': tdcIni(sink.port, connections),
    },
  })
  fillQueue(join(dir, 'queue'), owner, messages)
  // Core's outbound has no setting for roots; it verifies with those of Node.
  const env = { NODE_EXTRA_CA_CERTS: join(dir, 'config', 'trusted.pem') }
  const server = new HarakaServer(dir, { env })
  const before = await sink.count()
  try {
    const loading = server.lines.first((line) => line.includes(LOADING), DEADLINE, LOADING)
    const start = loading.then(() => performance.now())
    await server.start()
    const what = () => `${messages} messages of a queue delivered\n${server.tail(20)}`
    await within(DEADLINE, what, sink.until(before + messages))
    return (performance.now() - (await start)) / 1000
  } finally {
    await server.remove()
  }
}

const domain = RECIPIENT.slice(RECIPIENT.lastIndexOf('@') + 1)

function routePlugin(port: number): string {
  return `exports.hook_get_mx = function (next) {
  next(OK, { priority: 0, exchange: '${INTAKE_HOST}', port: ${port} })
}
`
}

function tdcIni(port: number, connections: number): string {
  return `[main]
enabled=true
intake_address=${RECIPIENT}
[policy.DEFAULT]
intake=default
[delivery]
route=${INTAKE_HOST}:${port}
max_connections=${connections}
[tls]
ca_file=trusted.pem
`
}
