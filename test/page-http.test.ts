import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { systemClock } from '../plugins/tdc/clock'
import { clusterView, type ClusterView } from '../plugins/tdc/cluster/cluster-view'
import type { SharedView } from '../plugins/tdc/queue/shared/shared-view'
import { reportText, shownStatus } from '../plugins/tdc/cluster/machine-report'
import { type Answer, no, ok } from '../plugins/tdc/base/answer'
import type { Status } from '../plugins/tdc/monitor/status'
import type { TrackedMessage } from '../plugins/tdc/monitor/tracked'
import type { StatusPageSettings } from '../plugins/tdc/settings/settings'
import type { FoundView } from '../plugins/tdc/web/message-views'
import { hasCopy, COMES_TO } from '../plugins/tdc/monitor/copies-of'
import type { FailureGroup, LostOne } from '../plugins/tdc/web/failures'
import type { LostView } from '../plugins/tdc/web/past'
import type { MachinesView } from '../plugins/tdc/web/data'
import { StatusPage } from '../plugins/tdc/web/page'
import { MOST_WATCHERS } from '../plugins/tdc/web/watchers'
import { Dice } from './support/dice'
import { Gate } from './support/gate'
import { ask, type HttpQuestion, open } from './support/http-client'
import { statusWith } from './support/status'
import { settingsOf } from './support/settings-source'

const TOKEN = 'a-token-of-20-letters'

const FOUND: TrackedMessage = {
  transaction: 'ABC.1',
  at: 1,
  messageId: '<id@example.net>',
  sender: 'alice@example.net',
  recipients: ['bob@example.com'],
  recipientCount: 1,
  steps: [{ at: 1, kind: 'enqueued', mid: 'ABC.1.tdc', text: 'for journal@scan.example' }],
}

const DAY = [{ at: Date.UTC(2024, 1, 16, 19, 55), delivered: 3, failed: 1, depth: 2 }]

const lost = (mid: string, at: number, reason: string, text: string): LostOne => ({
  ...{ mid, at, reason, text, intake: 'journal@scan.example', messageId: `<${mid}@x>` },
  ...{ attempts: 2, ageMs: 31_000, replayedAt: null },
})
const LOST = [
  lost('C.1.tdc1', 3_000, 'hard-bounce', '550 5.1.1 <bob@example.com> id 77ab unknown'),
  lost('B.1.tdc1', 2_000, 'expired', '=HYPERLINK("//x")'),
  lost('A.1.tdc1', 1_000, 'hard-bounce', '550 5.1.1 <bob@example.com> id 12cd unknown'),
]

describe('the status page over HTTP', () => {
  let server: Server
  let port: number
  let page: StatusPage
  let settings: StatusPageSettings
  let status: Status
  let gathered: number
  let searched: string[]
  /** Messages that the server remembers. */
  let inMemory: number
  let problems: string[]
  let gather: () => Promise<Status>
  let searching: Promise<void>
  let machines: Answer<ClusterView> | undefined
  /** Milliseconds that the page's clock is ahead. */
  let later: number
  let sharedQueue: Answer<SharedView | null>
  /** The client's address in place of its own, which is this machine's. */
  let client: { remoteAddress?: string | undefined }

  /** [status_page] of tdc.ini, enabled. */
  const configure = (...lines: string[]) => {
    settings = settingsOf(['[status_page]', 'enabled=true', ...lines].join('\n')).statusPage
  }
  const get = (path: string, headers = {}) => ask(port, path, { headers })
  const logIn = (token: string, question: HttpQuestion = {}) =>
    ask(port, '/tdc/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token }).toString(),
      ...question,
    })

  const startPage = () => {
    page = new StatusPage({
      settings: () => settings,
      gather: () => {
        gathered++
        return gather()
      },
      find: async (wanted, intake, count, most) => {
        searched.push(wanted)
        await searching
        const cameTo = COMES_TO.find((each) => each === count) ?? ''
        const messages = Array.from({ length: inMemory }, () => FOUND)
        const meant = messages.filter((message) => hasCopy(message, intake, cameTo))
        return { messages: meant.slice(0, most), silent: [] }
      },
      machines: () => machines && Promise.resolve(machines),
      sharedQueue: () => Promise.resolve(sharedQueue),
      day: (intake) => Promise.resolve(intake === 'no.example' ? [] : DAY),
      lost: () => Promise.resolve(LOST),
      host: () => ({ name: 'mx1.example.org', machine: 'mx1' }),
      clock: { ...systemClock, wall: () => systemClock.wall() + later },
      report: (event) => problems.push('text' in event ? event.text : event.kind),
    })
  }

  beforeEach(async () => {
    configure()
    status = statusWith()
    ;[gathered, searched, problems, inMemory, later] = [0, [], [], 1, 0]
    gather = () => Promise.resolve(status)
    searching = Promise.resolve()
    machines = undefined
    sharedQueue = ok(null)
    client = {}
    startPage()
    server = createServer((request, response) => {
      for (const [name, value] of Object.entries(client))
        Object.defineProperty(request.socket, name, { value })
      page.handle(request, response, () => response.writeHead(418).end('next'))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    port = (server.address() as AddressInfo).port
  })

  afterEach(() => {
    page.shutdown()
    server.closeAllConnections()
    server.close()
  })

  it('what a visitor breaks is no error of this server', async () => {
    configure(`token=${TOKEN}`)
    const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100'
    const broken = [
      `POST /tdc/login HTTP/1.1\r\nHost: localhost\r\n${form}\r\n\r\ntoken=x`,
      `POST /tdc/login HTTP/1.1\r\nHost: localhost\r\n${form.replace('Length: 100', 'Type: x')}\r\n\r\n`,
      'POST /tdc/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
      'GET /tdc/status HTTP/1.1\r\nHost: localhost\r\nCookie: tdc-session=%00.\x80; ;=;\r\n\r\n',
      'GET /tdc/status?q=%E0%A4 HTTP/1.1\r\nHost: [::\r\nAuthorization: Bearer\r\n\r\n',
      'HEAD /tdc/%ff%00/.. HTTP/1.0\r\n\r\n',
    ]
    for (const text of broken) {
      for (const ends of ['end', 'destroy', 'resetAndDestroy'] as const) {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        socket.resume()
        await new Promise<void>((written) => socket.write(text, 'latin1', () => written()))
        await new Promise((later) => setImmediate(later))
        const closed = new Promise((resolve) => socket.once('close', resolve))
        socket[ends]()
        await closed
      }
    }
    assert.equal((await logIn(TOKEN)).status, 303)
    assert.deepEqual(problems, [])
  })

  describe('what it answers', () => {
    it('is nothing while it is not enabled, and nothing outside of its path', async () => {
      assert.equal((await get('/tdcx')).body, 'next')
      assert.equal((await get('/')).body, 'next')
      settings = settingsOf('').statusPage
      assert.equal((await get('/tdc/')).body, 'next')
      configure('path=/mail/copies')
      assert.equal((await get('/tdc/')).body, 'next')
      assert.equal((await get('/mail/copies/')).status, 200)
    })

    it('is the page with the slash, and the way there without', async () => {
      const { status, headers } = await get('/tdc')
      assert.deepEqual([status, headers.location], [303, '/tdc/'])
      const { body } = await get('/tdc/')
      assert.match(body, /<title>Delivery Status/)
    })

    it('is each file that the page names, and no other', async () => {
      const { body } = await get('/tdc/')
      const names = [...body.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name)
      assert.deepEqual(names, [
        'icon.svg',
        'page.css',
        'uplot.css',
        'uplot.js',
        'page.js',
        'failures.csv',
        'lost.csv',
        'day.csv',
        'messages.csv',
      ])
      for (const name of names) assert.equal((await get(`/tdc/${name}?q=x`)).status, 200)
      for (const name of ['page.html', 'types.d.ts', '..%2fpackage.json', '../tdc.ini', 'x']) {
        assert.equal((await get(`/tdc/${name}`)).status, 404, name)
      }
    })

    it('loads nothing from elsewhere and allows no script but its own files', async () => {
      for (const path of ['/tdc/', '/tdc/page.js', '/tdc/status', '/tdc/nothing', '/tdc/metrics']) {
        const { headers } = await get(path)
        const policy = String(headers['content-security-policy'])
        assert.match(policy, /default-src 'none'/)
        assert.match(policy, /script-src 'self'(;|$)/)
        assert.match(policy, /frame-ancestors 'none'/)
        assert.doesNotMatch(policy, /unsafe|https?:|\*/)
        assert.equal(headers['x-content-type-options'], 'nosniff')
        assert.equal(headers['referrer-policy'], 'no-referrer')
        assert.equal(headers['cache-control'], 'no-store')
        assert.equal(headers['x-powered-by'], undefined)
      }
    })

    for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      it(`is 405 to ${method}`, async () => {
        const { status, headers } = await ask(port, '/tdc/', { method })
        assert.deepEqual([status, headers.allow], [405, 'GET'])
      })
    }

    it('is 500 with a line in the log when something throws, and then goes on', async () => {
      gather = () => Promise.reject(new Error('no worker answered'))
      const { status: code, body } = await get('/tdc/status')
      assert.equal(code, 500)
      assert.doesNotMatch(body, /worker/)
      assert.deepEqual(problems, ['status page: GET /tdc/status: Error: no worker answered'])
      gather = () => Promise.resolve(status)
      assert.equal((await get('/tdc/status')).status, 200)
    })
  })

  describe('without a token', () => {
    it('it serves this machine', async () => {
      assert.equal((await get('/tdc/status')).status, 200)
    })

    for (const [remoteAddress, status] of [
      ['127.8.8.8', 200],
      ['::1', 200],
      ['::ffff:127.0.0.1', 200],
      ['192.0.2.7', 403],
      ['10.0.0.1', 403],
      ['::ffff:192.0.2.7', 403],
      ['fe80::1', 403],
      ['2001:db8::1', 403],
      [undefined, 403],
    ] as const) {
      it(`a client of ${remoteAddress ?? 'no known address'} has a ${status}`, async () => {
        client = { remoteAddress }
        for (const path of ['/tdc/', '/tdc/status', '/tdc/metrics', '/tdc/track?q=x']) {
          assert.equal((await get(path, { host: 'localhost' })).status, status, path)
        }
        assert.equal(gathered > 0, status === 200)
      })
    }

    for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via']) {
      it(`it serves nobody behind a proxy, whatever ${name} says`, async () => {
        for (const path of [
          '/tdc/',
          '/tdc/status',
          '/tdc/metrics',
          '/tdc/page.js',
          '/tdc/events',
        ]) {
          assert.equal((await get(path, { [name]: '127.0.0.1' })).status, 403)
        }
      })
    }
  })

  describe('with a token', () => {
    beforeEach(() => configure(`token=${TOKEN}`))

    it('it tells nothing to who does not show it, from wherever', async () => {
      for (const path of ['status', 'events', 'track?q=x', 'metrics', 'anything']) {
        const { status, headers } = await get(`/tdc/${path}`)
        assert.equal(status, 401, path)
        assert.match(String(headers['www-authenticate']), /^Bearer/)
      }
      const { status, body } = await get('/tdc/')
      assert.equal(status, 401)
      assert.match(body, /type="password"/)
      assert.deepEqual([gathered, searched.length], [0, 0])
    })

    it('it is shown as a bearer', async () => {
      const from = (authorization: string) => get('/tdc/metrics', { authorization })
      assert.equal((await from(`Bearer ${TOKEN}`)).status, 200)
      assert.equal((await from(`bearer  ${TOKEN}`)).status, 200)
      for (const wrong of [`Bearer ${TOKEN}x`, `Bearer x`, `Basic ${TOKEN}`, TOKEN, 'Bearer ']) {
        assert.equal((await from(wrong)).status, 401, wrong)
      }
    })

    it('it is also enough behind a proxy', async () => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'X-Forwarded-For': '192.0.2.1' }
      assert.equal((await get('/tdc/metrics', headers)).status, 200)
    })

    it('it is never taken from the URL', async () => {
      for (const query of [`token=${TOKEN}`, `q=x&access_token=${TOKEN}`]) {
        assert.equal((await get(`/tdc/track?${query}`)).status, 401)
      }
    })

    it('the form gives a cookie for it that scripts do not see and other sites do not send', async () => {
      const { status, headers } = await logIn(` ${TOKEN}`)
      assert.deepEqual([status, headers.location], [303, '/tdc/'])
      const [set = ''] = headers['set-cookie'] ?? []
      assert.match(
        set,
        /^tdc-session=[\d.\w-]+; Path=\/tdc; Max-Age=43200; HttpOnly; SameSite=Strict$/,
      )
      assert.ok(!set.includes(TOKEN))
      const cookie = `theme=dark; ${set.split(';')[0]}`
      assert.equal((await get('/tdc/status', { cookie })).status, 200)

      configure(`token=${TOKEN}2`)
      assert.equal((await get('/tdc/status', { cookie })).status, 401, 'a new token ends it')
    })

    it('a cookie ends when [status_page] session_length says', async () => {
      configure(`token=${TOKEN}`, 'session_length=60')
      const { headers } = await logIn(TOKEN)
      const set = String(headers['set-cookie'])
      assert.match(set, /; Max-Age=60;/)
      const cookie = set.split(';')[0]
      assert.equal((await get('/tdc/status', { cookie })).status, 200)
      later = 60_000
      assert.equal((await get('/tdc/status', { cookie })).status, 401)
    })

    it('a cookie that was made up, or whose time is over, is none', async () => {
      const { headers } = await logIn(TOKEN)
      const value = /tdc-session=(\d+)\.([^;]+)/.exec(String(headers['set-cookie']))
      const [end, proof] = [Number(value?.[1]), value?.[2]]
      for (const cookie of [`${end + 1}.${proof}`, `${end}.x`, `${end}`, '', 'x.y', `1.${proof}`]) {
        const { status } = await get('/tdc/status', { cookie: `tdc-session=${cookie}` })
        assert.equal(status, 401, cookie)
      }
    })

    it('the form says so when it is wrong, and reads no long one', async () => {
      const wrong = await logIn(`${TOKEN}x`)
      assert.equal(wrong.status, 401)
      assert.match(wrong.body, /<p class="wrong" role="alert">This is not the token/)
      assert.equal(wrong.headers['set-cookie'], undefined)
      assert.equal((await logIn('x'.repeat(5000))).status, 413)
      assert.equal((await logIn(TOKEN, { headers: { 'Content-Type': 'text/plain' } })).status, 415)
      assert.equal((await get('/tdc/login')).status, 405)
    })
  })

  describe('the Host header', () => {
    it('must be a name of this server', async () => {
      configure('hosts=status.example')
      const known = ['localhost', 'LOCALHOST:80', '127.0.0.1:1', '[::1]:2', 'status.example.']
      for (const host of [...known, 'mail.example.org:8080']) {
        assert.equal((await get('/tdc/status', { host })).status, 200, host)
      }
      const unknown = ['evil.example', 'localhost.evil.example', '192.0.2.7', ':80', '[::2]', 'a b']
      for (const host of [...unknown, 'localhost@evil.example', '127.0.0.1.evil.example']) {
        for (const path of ['/tdc/', '/tdc/page.js', '/tdc/status', '/tdc/metrics']) {
          assert.equal((await get(path, { host })).status, 421, host)
        }
      }
    })
  })

  it('answers no other site that asks for its data', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'Sec-Fetch-Site': site }
      for (const path of ['status', 'events', 'track?q=x', 'metrics']) {
        assert.equal((await get(`/tdc/${path}`, headers)).status, 403)
      }
      assert.equal((await get('/tdc/', headers)).status, 200, 'a link may lead to the page')
    }
    assert.equal((await get('/tdc/status', { 'Sec-Fetch-Site': 'same-origin' })).status, 200)
  })

  describe('addresses', () => {
    const everything = async () => {
      const paths = ['status', 'track?q=x', 'metrics']
      return (await Promise.all(paths.map((path) => get(`/tdc/${path}`)))).map(({ body }) => body)
    }

    it('show their domain only', async () => {
      const [told = '', tracked = '', metrics = ''] = await everything()
      for (const text of [told, tracked, metrics]) {
        assert.doesNotMatch(text, /journal@|vip@|bob@|alice@|x@y/)
      }
      assert.match(told, /\*\*\*@scan\.example/)
      assert.match(tracked, /"sender":"\*\*\*@example\.net"/)
      assert.match(tracked, /<id@example.net>/, 'the Message-ID says which message it is')
    })

    it('are shown when the settings say so, but never in the metrics', async () => {
      configure('show_addresses=true')
      const [told = '', tracked = '', metrics = ''] = await everything()
      assert.match(told, /vip@scan\.example/)
      assert.match(tracked, /bob@example\.com/)
      assert.doesNotMatch(metrics, /@/)
    })
  })

  describe('the search', () => {
    it('passes on what is wanted', async () => {
      const wanted = '<a&b=%20\'"+ü@x.example>'
      const { body } = await get(`/tdc/track?${new URLSearchParams({ q: ` ${wanted} ` })}`)
      await get('/tdc/track?q=a?b@x.example')
      assert.deepEqual(searched, [wanted, 'a?b@x.example'])
      assert.equal((JSON.parse(body) as FoundView).messages.length, 1)
    })

    it('refuses nothing, and too much', async () => {
      for (const query of ['', 'q=', 'q=%20', `q=${'x'.repeat(999)}`]) {
        assert.equal((await get(`/tdc/track?${query}`)).status, 400)
      }
      assert.deepEqual(searched, [])
      assert.equal((await get(`/tdc/track?q=${'x'.repeat(998)}`)).status, 200)
    })

    it('is for four at a time', async () => {
      const gate = new Gate()
      searching = gate.wait()
      const five = Array.from({ length: 5 }, () => get('/tdc/track?q=x'))
      const first = await Promise.race(five)
      assert.deepEqual([first.status, searched.length], [503, 4])
      gate.open()
      const statuses = (await Promise.all(five)).map(({ status }) => status)
      assert.deepEqual(statuses.sort(), [200, 200, 200, 200, 503])
    })
  })

  describe('the day and the failures', () => {
    const body = async (path: string) => (await ask(port, path)).body

    it('the day is a list of minutes, and a file for a spreadsheet', async () => {
      assert.deepEqual(JSON.parse(await body('/tdc/day')), DAY)
      assert.equal(
        await body('/tdc/day.csv'),
        '"minute","delivered","failed","in_queue"\r\n"2024-02-16T19:55:00.000Z",3,1,2\r\n',
      )
    })

    it('failures are grouped by reason and reply, without addresses unless they are shown', async () => {
      const [group, ...others] = JSON.parse(await body('/tdc/failures')) as FailureGroup[]
      const { domain, reason, count, first, last, example, text } = group ?? assert.fail()
      assert.deepEqual(
        [domain, reason, count, first, last, example],
        ['scan.example', 'hard-bounce', 2, 1000, 3000, 'C.1.tdc1'],
      )
      assert.ok(!text.includes('bob@example.com') && text.startsWith('550 5.1.1 '), text)
      assert.deepEqual(
        others.map(({ reason, count }) => [reason, count]),
        [['expired', 1]],
      )
      configure('show_addresses=true')
      assert.match(await body('/tdc/failures'), /bob@example\.com/)
    })

    it('no cell of a file is a formula', async () => {
      const rows = (await body('/tdc/failures.csv')).split('\r\n')
      assert.equal(rows.length, 4)
      assert.match(rows[2] ?? '', /,"'=HYPERLINK\(""\/\/x""\)"$/)
    })

    it('a count leads to its messages', async () => {
      const found = async (query: string) => {
        const { messages, more } = JSON.parse(await body(`/tdc/track?${query}`)) as FoundView
        return messages.length + Number(more)
      }
      assert.equal(await found('intake=scan.example'), 1)
      assert.equal(await found('intake=other.example'), 0)
      assert.equal(await found('intake=scan.example&count=active'), 1)
      assert.equal(await found('intake=scan.example&count=delivered'), 0)
      assert.equal(await found('q=x&count=constructor'), 1)
      assert.equal((await ask(port, '/tdc/track?count=delivered')).status, 400)
      inMemory = 51
      assert.equal(await found('intake=scan.example'), 51, 'fifty, and that there are more')
    })

    it('what is seen of one intake can be had as files, too', async () => {
      const lines = async (path: string) => (await body(path)).split('\r\n').length - 2
      assert.equal(await lines('/tdc/day.csv?intake=scan.example'), 1)
      assert.equal(await lines('/tdc/day.csv?intake=no.example'), 0)
      assert.equal(await lines('/tdc/lost.csv?intake=journal@scan.example'), 3)
      assert.equal(await lines('/tdc/lost.csv?intake=no.example'), 0)
      assert.equal(await lines('/tdc/failures.csv?intake=scan.example'), 2)
      assert.equal(
        await body('/tdc/messages.csv?intake=scan.example'),
        '"at","transaction","message_id","sender","recipients","last_step"\r\n' +
          '"1970-01-01T00:00:00.001Z","ABC.1","<id@example.net>","***@example.net",' +
          '"***@example.com","for ***@scan.example"\r\n',
      )
    })

    it('a group leads to its copies, which have no addresses unless they are shown', async () => {
      const [group] = JSON.parse(await body('/tdc/failures')) as FailureGroup[]
      const { copies, count } = JSON.parse(await body(`/tdc/lost?group=${group?.id}`)) as LostView
      assert.deepEqual([copies.map(({ mid }) => mid), count], [['C.1.tdc1', 'A.1.tdc1'], 2])
      assert.doesNotMatch(JSON.stringify(copies), /journal@|bob@/)
      assert.equal((JSON.parse(await body('/tdc/lost?group=none')) as LostView).count, 0)
      configure('show_addresses=true')
      assert.match(await body(`/tdc/lost?group=${group?.id}`), /journal@scan\.example/)
    })
  })

  describe('the events', () => {
    const firstEvent = async (path = '/tdc/events') => {
      const response = await open(port, path)
      response.setEncoding('utf8')
      let text = ''
      for await (const piece of response.iterator({ destroyOnReturn: false })) {
        text += piece
        if (/data: .*\n\n/.test(text)) break
      }
      return { response, told: JSON.parse(/data: (.*)/.exec(text)?.[1] ?? '') as Status }
    }

    it('tell the status at once, and end with the server', async () => {
      const { response, told } = await firstEvent()
      assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
      assert.equal(told.service, 'Service')
      const ended = new Promise((resolve) => response.resume().once('end', resolve))
      page.shutdown()
      await ended
    })

    it('cost one look for all who watch at the same time', async () => {
      const all = await Promise.all(Array.from({ length: 10 }, () => firstEvent()))
      assert.equal(gathered, 1)
      for (const { response } of all) response.destroy()
    })

    it('end when the page is disabled', async () => {
      const { response } = await firstEvent()
      settings = settingsOf('').statusPage
      await new Promise((resolve) => response.resume().once('end', resolve))
      assert.equal(response.complete, true)
      assert.equal((await get('/tdc/events')).status, 418)
    })

    it(`go to ${MOST_WATCHERS} pages, and to the next when one has gone`, async () => {
      const all = await Promise.all(
        Array.from({ length: MOST_WATCHERS }, () => open(port, '/tdc/events')),
      )
      const refused = await get('/tdc/events')
      assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '10'])
      all[0]?.destroy()
      let response = await open(port, '/tdc/events')
      while (response.statusCode === 503) response = await open(port, '/tdc/events')
      assert.equal(response.statusCode, 200)
      for (const each of [...all, response]) each.destroy()
    })
  })

  it('shares one look among all who ask within a second', async () => {
    const paths = ['status', 'metrics', 'status', 'metrics', 'status']
    await Promise.all(paths.map((path) => get(`/tdc/${path}`)))
    assert.equal(gathered, 1)
  })

  it('shows the machines that share their figures, without addresses', async () => {
    assert.equal((await get('/tdc/machines')).body, 'null')
    const text =
      reportText({ instance: '1', status: shownStatus(status, true), messages: [] }) ?? ''
    const now = 1_000_000
    const reports = [
      { machine: 'mx1', at: now, text },
      { machine: 'mx2', at: 1, text: null },
    ]
    machines = ok(await clusterView({ now, reports }))
    // What was gathered serves for a second.
    page.shutdown()
    startPage()
    const { body } = await get('/tdc/machines')
    assert.doesNotMatch(body, /@/)
    const view = JSON.parse(body) as MachinesView
    assert.deepEqual(
      view.machines.map(({ machine, isSilent, figures }) => [
        machine,
        isSilent,
        figures?.delivered,
        figures?.state,
      ]),
      [
        ['mx1', false, status.queue.delivered, 'failing'],
        ['mx2', true, undefined, undefined],
      ],
    )
    machines = no('connect ECONNREFUSED 10.0.0.1:6379')
    startPage()
    const away = await get('/tdc/machines')
    assert.deepEqual(
      [away.status, away.body],
      [503, 'Redis cannot be reached; the log says why.\n'],
    )
  })

  it('shows the queue that machines share, and intakes without their addresses', async () => {
    assert.equal((await get('/tdc/shared-queue')).body, 'null')
    const whose = { machine: 'mx2', pid: 7, copies: 3 }
    const copy = { mid: 'A.1.tdc1', intake: 'scan@intake.example', state: 'elsewhere', ...whose }
    const view = {
      ...{ takenAt: 1_000_000, count: 3 },
      processes: [{ ...whose, at: 999_000, isSilent: false, isHere: false }],
      copies: [{ ...copy, ageMs: 10, attempts: 1, size: 100 }],
    }
    sharedQueue = ok(view)
    page.shutdown()
    startPage()
    const { body } = await get('/tdc/shared-queue')
    assert.deepEqual(JSON.parse(body), {
      ...view,
      copies: view.copies.map((each) => ({ ...each, intake: '***@intake.example' })),
    })
    sharedQueue = no('Redis cannot be reached (no answer in 3 seconds)')
    startPage()
    const away = await get('/tdc/shared-queue')
    assert.deepEqual(
      [away.status, away.body],
      [503, 'Redis cannot be reached; the log says why.\n'],
    )
  })

  it('answers whatever is asked, or leaves it to others', async function () {
    this.timeout(60_000)
    const dice = Dice.thrown('requests')
    const pieces = [
      '/tdc',
      '/',
      '..',
      '%2e',
      '%',
      '?q=',
      'track',
      'status',
      '&',
      '\u00ff',
      ';',
      '//',
    ]
    for (let round = 0; round < 300; round++) {
      const text = (most: number) => dice.list(most, () => dice.pick(pieces)).join('')
      const path = `/tdc${text(6)}`.replace('\u00ff', '%ff')
      const headers = {
        ...(dice.below(2) && { cookie: text(20) }),
        ...(dice.below(2) && { authorization: `Bearer ${text(5)}` }),
        ...(dice.below(4) === 0 && { host: text(4) }),
      }
      const method = dice.pick(['GET', 'GET', 'POST'])
      const response = await open(port, path, { method, headers, body: text(50) })
      assert.ok((response.statusCode ?? 0) < 500, `round ${round} ${path}`)
      response.destroy()
    }
    assert.deepEqual(problems, [])
  })
})
