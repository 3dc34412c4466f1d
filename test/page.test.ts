import assert from 'node:assert/strict'
import { ask, httpPort } from './support/http-client'
import { complaints } from './support/haraka'
import { mailAbout, MailPath } from './support/mail-path'
import { type PageGateway, startPageGateway } from './support/page-gateway'
import type { StatusView } from '../plugins/tdc/web/status-view'
import type { Found } from '../plugins/tdc/control/tracked-messages'

describe('the status page of a real Haraka with two workers', function () {
  this.timeout(60_000)
  let gateway: PageGateway

  before(async () => {
    gateway = await startPageGateway([], { nodes: 2 })
  })
  after(() => gateway.path.close())

  const status = async () => {
    const { body } = await ask(gateway.httpPort, '/tdc/status')
    return JSON.parse(body) as StatusView
  }

  it('tells what both workers delivered, whichever answers', async () => {
    const { path } = gateway
    const subjects = Array.from({ length: 12 }, (_, at) => `sum ${at}`)
    await Promise.all(subjects.map((subject) => path.send(mailAbout(subject))))
    await Promise.all(subjects.map((subject) => path.copy(subject)))
    await path.untilQueue((names) => names.length === 0, 'copies wait')
    let view = await status()
    // The shared look may be a second old.
    for (const start = Date.now(); view.rows[0]?.delivered !== 12; view = await status()) {
      assert.ok(Date.now() - start < 10_000, JSON.stringify(view.rows))
    }
    assert.deepEqual(
      view.processes.map(({ worker }) => worker),
      [1, 2],
    )
    assert.deepEqual(
      view.rows.map(({ name, active, delivered, isFailing }) => [
        name,
        active,
        delivered,
        isFailing,
      ]),
      [
        ['the.tdc.queue', 0, 12, false],
        ['scan.example', 0, 12, false],
      ],
    )
  })

  it('finds a message in whichever worker had it', async () => {
    const { path } = gateway
    const id = '<find-me@client.test>'
    await path.send(mailAbout('found', { raw: messageWith(id) }))
    await path.copy('found')
    for (let round = 0; round < 4; round++) {
      const query = new URLSearchParams({ q: id })
      const { body } = await ask(gateway.httpPort, `/tdc/track?${query}`)
      const { messages, silent } = JSON.parse(body) as Found
      assert.deepEqual(silent, [])
      assert.deepEqual(
        messages.map(({ messageId }) => messageId),
        [id],
      )
      assert.match(messages[0]?.steps.map(({ text }) => text).join('\n') ?? '', /scan\.example/)
    }
  })

  it('leaves what it does not serve to others', async () => {
    assert.equal((await ask(gateway.httpPort, '/elsewhere')).status, 404)
  })

  it('is nothing the connector complains of', () => {
    assert.deepEqual(complaints(gateway.path.haraka.log), [])
  })
})

describe('the status page and its surroundings', function () {
  this.timeout(60_000)
  let path: MailPath
  afterEach(() => path?.close())

  it('is not there until it is enabled, though Haraka serves HTTP', async () => {
    path = await MailPath.start({ config: { 'http.ini': '[main]\nlisten=127.0.0.1:0\n' } })
    assert.equal((await ask(await httpPort(path.haraka), '/tdc/')).status, 404)
  })

  it('a page that nothing serves is a warning at start, and mail goes on', async () => {
    path = await MailPath.start({ sections: ['[status_page]', 'enabled=true'] })
    await path.haraka.waitForLine(/\[WARN\].*\[status_page\] enabled=true: the page is not served/)
    await path.send(mailAbout('unserved'))
    const copy = await path.copy('unserved')
    assert.ok(copy.raw.includes((await path.original('unserved')).raw))
  })

  it('a token comes from the environment of Haraka, and opens the metrics', async () => {
    process.env['TDC_PAGE_TOKEN'] = 'a-token-of-the-environment'
    const gateway = await startPageGateway(['token_env=TDC_PAGE_TOKEN'])
    path = gateway.path
    assert.equal((await ask(gateway.httpPort, '/tdc/metrics')).status, 401)
    const headers = { authorization: 'Bearer a-token-of-the-environment' }
    const { status, body } = await ask(gateway.httpPort, '/tdc/metrics', { headers })
    assert.equal(status, 200)
    assert.match(body, /^haraka_tdc_enabled 1$/m)
    assert.ok(!path.haraka.log.join('\n').includes('a-token-of-the-environment'))
  }).timeout(60_000)

  after(() => {
    delete process.env['TDC_PAGE_TOKEN']
  })
})

function messageWith(id: string): Buffer {
  return Buffer.from(`Message-ID: ${id}\r\nSubject: found\r\n\r\nBody.\r\n`)
}
