import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StatusView } from '../plugins/tdc/web/status-view'
import { ask } from './support/http-client'
import { type PageGateway, startPageGateway } from './support/page-gateway'
import { within } from './support/within'

/** Milliseconds in which a page has to be there. */
const LOADS = 3_000

/** Times that it is loaded again, at the most, until it knows of the silence. */
const TURNS = 30

/**
 * Node.js hands a connection to a worker before it knows whether that one reads; a stopped one keeps what
 * it was given, and is given no more.
 */
describe('the status page while a worker is stopped', function () {
  this.timeout(60_000)
  let gateway: PageGateway

  before(async () => {
    gateway = await startPageGateway([], { nodes: 2 })
  })
  after(() => gateway.path.close())

  /** Undefined: it did not load in time. */
  const status = () =>
    within(LOADS, 'the page does not load', ask(gateway.httpPort, '/tdc/status')).then(
      ({ body }) => JSON.parse(body) as StatusView,
      () => undefined,
    )

  it('loads again after one connection at the most, and says which one is silent', async () => {
    const [stopped] = (await status())?.processes ?? []
    assert.ok(stopped)
    process.kill(stopped.pid, 'SIGSTOP')
    try {
      const answers = []
      for (let n = 0; n < 5; n++) answers.push(await status())
      const loaded = answers.filter((answer) => answer !== undefined)
      assert.ok(loaded.length >= 4, `${loaded.length} of 5 loaded`)
      // The first have figures of a moment before: whether one is silent is known after some seconds.
      let silent: number[] = []
      for (let n = 0; n < TURNS && silent.length === 0; n++) {
        await sleep(LOADS / TURNS)
        silent = (await status())?.silent.map(({ pid }) => pid) ?? []
      }
      assert.deepEqual(silent, [stopped.pid])
    } finally {
      process.kill(stopped.pid, 'SIGCONT')
    }
  })
})
