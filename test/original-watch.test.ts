import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Handover } from '../plugins/tdc/haraka/handovers'
import { OriginalWatch, type Told } from '../plugins/tdc/haraka/original-watch'
import type { Connection, QueuePlugin, SmtpClient } from '../plugins/tdc/haraka/types'

const EARS = { coreFolder: '/haraka', nextHop: true, outbound: true }
const PROXY: QueuePlugin = { name: 'queue/smtp_proxy', plugin_path: '/haraka/plugins/queue/x.js' }

/** A conversation with a next hop, line by line: `C:` is sent, `S:` comes; `pipe`, `end`, `close`. */
const CONVERSATIONS: readonly {
  readonly story: string
  readonly lines: readonly string[]
  readonly is: Handover
}[] = [
  {
    story: 'taken for all',
    lines: ['S:220 x', 'C:MAIL FROM:<a@b>', 'S:250 x', 'C:RCPT TO:<x@y>', 'S:250 x'].concat([
      ...['C:DATA', 'S:354 x', 'pipe', 'end', 'S:250-kept', 'S:250 x', 'close'],
    ]),
    is: { state: 'taken', recipients: ['x@y'] },
  },
  {
    story: 'replies that come after the next command are for the one before',
    lines: [
      'S:220 x',
      'C:MAIL FROM:<a@b>',
      'S:250 x',
      'C:RCPT TO:<one@y>',
      'C:RCPT TO:<two@y>',
    ].concat([
      ...['S:550 no', 'C:RCPT TO:<three@y>', 'S:250 x', 'S:452 full', 'C:DATA', 'S:354 x'],
      ...['pipe', 'end', 'S:250 x', 'close'],
    ]),
    is: { state: 'taken', recipients: ['two@y'] },
  },
  {
    story: 'closed before its answer, for those whom it may have accepted',
    lines: ['S:220 x', 'C:MAIL FROM:<a@b>', 'S:250 x', 'C:RCPT TO:<one@y>', 'S:250 x'].concat([
      ...['C:RCPT TO:<two@y>', 'C:DATA', 'pipe', 'end', 'close'],
    ]),
    is: { state: 'unanswered', recipients: ['one@y', 'two@y'] },
  },
  {
    story: 'a second message with it, refused',
    lines: ['S:220 x', 'C:MAIL FROM:<a@b>', 'S:250 x', 'C:RCPT TO:<one@y>', 'S:250 x'].concat([
      ...['C:DATA', 'S:354 x', 'pipe', 'end', 'S:250 x', 'C:RSET', 'S:250 x', 'C:MAIL FROM:<a@b>'],
      ...['S:250 x', 'C:RCPT TO:<two@y>', 'S:250 x', 'C:DATA', 'S:354 x', 'pipe', 'end', 'S:554 x'],
    ]),
    is: { state: 'taken', recipients: ['one@y'] },
  },
  {
    story: 'closed in the message',
    lines: ['S:220 x', 'C:MAIL FROM:<a@b>', 'S:250 x', 'C:RCPT TO:<one@y>', 'S:250 x'].concat([
      ...['C:DATA', 'S:354 x', 'pipe', 'close'],
    ]),
    is: { state: 'not-taken', recipients: [] },
  },
]

class Hop extends EventEmitter {
  readonly socket = new EventEmitter()
  private readonly content = new EventEmitter()

  play(lines: readonly string[]): void {
    for (const line of lines) {
      if (line.startsWith('C:')) this.emit('client_protocol', line.slice(2))
      else if (line.startsWith('S:')) this.emit('server_protocol', line.slice(2))
      else if (line === 'pipe') this.socket.emit('pipe', this.content)
      else if (line === 'end') this.content.emit('end')
      else this.socket.emit('close')
    }
  }
}

function watching(turns: unknown[]): { watch: OriginalWatch; hop: Hop } {
  const watch = new OriginalWatch(EARS)
  const hop = new Hop()
  watch.talksTo(hop as unknown as SmtpClient, PROXY)
  watch.queueBegins({ hooks_to_run: turns } as unknown as Connection)
  return { watch, hop }
}

describe("an original's next hop", () => {
  for (const { story, lines, is } of CONVERSATIONS) {
    it(story, () => {
      const { watch, hop } = watching([])
      hop.play(lines)
      assert.deepEqual(watch.seen('deferred').handovers, [is])
    })
  }

  const TURNS: readonly [story: string, turn: unknown[], told: Told, state: string][] = [
    ['the client left in the turn of its plugin', [PROXY, 'q', () => {}], 'nothing', 'open'],
    ['the client left before the turn of its plugin', [PROXY, 'q'], 'nothing', 'not-taken'],
    ['its plugin has answered', [PROXY, 'q', () => {}], 'rejected', 'not-taken'],
  ]
  for (const [story, turn, told, state] of TURNS) {
    it(`${story}: ${state}`, () => {
      const { watch, hop } = watching([turn])
      hop.play(['S:220 x', 'C:MAIL FROM:<a@b>', 'S:250 x', 'C:RCPT TO:<x@y>', 'S:250 x'])
      assert.equal(watch.seen(told).handovers[0]?.state, state)
    })
  }
})
