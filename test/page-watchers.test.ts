import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Watchers } from '../plugins/tdc/web/watchers'
import { FakeClock } from './support/fake-clock'
import { open } from './support/http-client'

describe('who watches the status page', () => {
  const clock = new FakeClock()
  let server: Server
  let watchers: Watchers
  let looks: number
  let news: () => Promise<string>
  let mayStay: boolean

  beforeEach(async () => {
    ;[looks, mayStay] = [0, true]
    news = () => Promise.resolve('{}')
    watchers = new Watchers(() => {
      looks++
      return news()
    }, clock)
    server = createServer((_, response) => watchers.add(response, () => mayStay)).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
  })

  afterEach(() => {
    watchers.close()
    server.closeAllConnections()
    server.close()
  })

  const watch = () => open((server.address() as AddressInfo).port, '/')
  const gone = (response: IncomingMessage) => once(response.resume(), 'close')

  it('costs one look a second, however many there are', async () => {
    const all = await Promise.all([watch(), watch(), watch()])
    await clock.advance(10_000)
    assert.equal(looks, 11)
    for (const each of all) each.destroy()
  })

  it('costs nothing when nobody does, before and after', async () => {
    assert.equal(clock.pending, 0)
    const response = await watch()
    await clock.advance(1000)
    const left = new Promise<void>((resolve) => {
      const look = () => (watchers.size === 0 ? resolve() : setImmediate(look))
      look()
    })
    response.destroy()
    await left
    assert.equal(clock.pending, 0)
    const then = looks
    await clock.advance(60_000)
    assert.equal(looks, then)
  })

  it('is let go when it reads slower than news come', async () => {
    const response = await watch()
    response.pause()
    news = () => Promise.resolve('x'.repeat(4 * 1024 * 1024))
    for (let second = 0; watchers.size > 0; second++) {
      assert.ok(second < 30, 'still kept')
      await clock.advance(1000)
    }
    response.destroy()
  })

  it('hears of it again after a look that failed', async () => {
    const response = await watch()
    news = () => Promise.reject(new Error('no worker'))
    await clock.advance(3000)
    news = () => Promise.resolve('"back"')
    await clock.advance(1000)
    response.setEncoding('utf8')
    let text = ''
    for await (const piece of response) {
      text += piece
      if (text.includes('data: "back"')) break
    }
    assert.match(text, /\n:\n\n/)
  })

  it('ends when it may not stay', async () => {
    const response = await watch()
    await clock.advance(0)
    mayStay = false
    await clock.advance(1000)
    await gone(response)
    assert.equal(watchers.size, 0)
  })
})
