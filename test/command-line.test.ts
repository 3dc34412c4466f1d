import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Found } from '../plugins/tdc/control/tracked-messages'
import type { Status } from '../plugins/tdc/monitor/status'
import type { KeptListed } from '../plugins/tdc/queue/kept-name'
import type { LostListed } from '../plugins/tdc/queue/lost-copies'
import type { QueuedCopy } from '../plugins/tdc/queue/queued-copy'
import { textOf } from './support/documents'
import type { HarakaServer } from './support/haraka'
import { repository } from './support/run'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'

const INTAKE = 'journal@scan.example'
const DOWN = 'journal@down.example'
const NOBODY = { on: 'RCPT', nth: 1, reply: '550 5.1.1 Nobody' } as const

/** With two workers, so that every answer has to be gathered. */
describe('haraka-tdc', function () {
  this.timeout(60_000)

  let stage: Stage
  let server: HarakaServer

  before(async () => {
    stage = await Stage.start({
      'scan.example': {},
      // The connections that a first copy opens take none; later ones do.
      'down.example': { script: (n) => (n <= 3 ? [NOBODY] : []) },
    })
    const tdc = `[main]
enabled=true
intake_address=${INTAKE}
[policy.ours]
recipients=listed
recipient_list[]=@example.net
intake=custom
intake_address=${DOWN}
[policy.DEFAULT]
intake=default
[failed]
keep=true
[delivery]
port=${stage.port}
`
    server = await stage.gateway({ domains: ['example.com', 'example.net'], tdc, nodes: 2 })
    for (let i = 1; i <= 4; i++) await send(server, `<${i}@sender.example>`)
    const finished = () => server.log.filter((line) => line.includes('Message finished MID')).length
    await server.lines.until(
      () => finished() === 4,
      10_000,
      () => server.tail(),
    )
  })

  after(() => stage.close())

  it('version, or --version: that of the package', async () => {
    const said = await Promise.all([server.tdc('version'), server.tdc('--version')])
    const { version } = JSON.parse(textOf('package.json')) as { version: string }
    for (const { code, out } of said) {
      assert.deepEqual([code, out], [0, `haraka-tdc ${version} (Node ${process.version})\n`])
    }
    const { out } = await server.tdc('--version', '--json')
    assert.deepEqual(JSON.parse(out), { plugin: version, node: process.version })
  })

  it('status: the sum over the workers', async () => {
    const { code, out } = await server.tdc('status', '--json')
    const status = JSON.parse(out) as Status
    assert.equal(code, 0)
    assert.deepEqual([status.processes.length, status.silent], [2, []])
    assert.deepEqual([status.queue.delivered, status.queue.active], [4, 0])
    assert.equal(status.intakes[INTAKE]?.delivered, 4)
    assert.equal(status.timeInQueue.count, 4)
    assert.equal(status.domains['scan.example']?.lastAttempt, 'up')
    assert.equal(status.minutes.at(-1)?.depth, 0)
    const text = await server.tdc('status')
    assert.match(text.out, /^Connector +enabled \(cluster\)$/m)
    assert.match(text.out, /^Delivered +4, last at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m)
    assert.match(text.out, /^ {2}TLS +TLSv1\.3 \w+ \w+ \(\d+\)$/m)
  })

  it('tophosts: the queue, and under it the intakes', async () => {
    const { code, out } = await server.tdc('tophosts')
    assert.equal(code, 0)
    assert.match(out, /^1 {3}the\.tdc\.queue +0 +\d+ +4 +0 +0$/m)
    assert.match(out, /^2 {3}journal@scan\.example +0 +\d+ +4 +0 +0$/m)
  })

  it('track: by Message-ID, MID and address, whichever worker had it', async () => {
    const { code, out } = await server.tdc('track', '<2@sender.example>', '--json')
    const [message] = (JSON.parse(out) as Found).messages
    assert(message)
    assert.equal(code, 0)
    assert.deepEqual(
      [message.sender, message.recipients],
      ['ann@sender.example', ['bob@example.com']],
    )
    const kinds = message.steps.map(({ kind }) => kind)
    assert.deepEqual(kinds, ['decided', 'prepared', 'enqueued', 'delivery-start', 'delivered'])
    const mid = message.steps[1]?.mid ?? ''
    const byMid = await server.tdc('track', mid)
    assert.match(
      byMid.out,
      /decided +copy to journal@scan\.example for 1 recipient by policy DEFAULT/,
    )
    const byAddress = await server.tdc('track', 'BOB@example.com', '--json')
    assert.equal((JSON.parse(byAddress.out) as Found).messages.length, 4)
    assert.equal((await server.tdc('track', 'nobody@example.com')).code, 1)
  })

  it('track: by intake, sender, recipient and time; of all, in both orders', async () => {
    const ids = async (...args: string[]) => {
      const { out } = await server.tdc('track', ...args, '--json')
      return (JSON.parse(out) as Found).messages.map(({ messageId }) => messageId[1])
    }
    for (const [args, found] of [
      [[], ['4', '3', '2', '1']],
      [
        ['--intake', 'scan.example', '--since', '1h', '--sort', 'oldest'],
        ['1', '2', '3', '4'],
      ],
      [
        ['--sender', 'sender.example', '--recipient', 'bob@example.com', '--most', '2'],
        ['4', '3'],
      ],
      [['--sort', 'oldest', '--most', '1'], ['1']],
      [['<2@sender.example>', '--intake', INTAKE], ['2']],
      [['<2@sender.example>', '--intake', DOWN], []],
      [['--recipient', 'eve@example.com'], []],
      [['--since', '0s'], []],
    ] as const) {
      assert.deepEqual(await ids(...args), found, args.join(' '))
    }
    const inLog = await server.tdc('track', 'x', '--log', '-', '--since', '1h')
    assert.deepEqual([inLog.code, inLog.err], [2, 'haraka-tdc: --since cannot be had with --log\n'])
  })

  it('track --log: the same from the log, also compressed', async () => {
    const log = join(server.dir, 'haraka.log')
    writeFileSync(log, server.log.join('\n') + '\n')
    const { code, out } = await server.tdc('track', '2@sender.example', '--log', log)
    assert.equal(code, 0)
    assert.match(out, /with Message-ID '<2@sender\.example>' enqueued for forwarding/)
    assert.match(out, /was successfully delivered for scanning/)
    assert.doesNotMatch(out, /3@sender\.example/)
    writeFileSync(`${log}.gz`, gzipSync(readFileSync(log)))
    assert.equal((await server.tdc('track', '2@sender.example', '--log', `${log}.gz`)).out, out)
    const xz = await server.tdc('track', 'x', '--log', `${log}.xz`)
    assert.equal(xz.code, 1)
    assert.match(xz.err, /haraka\.log\.xz cannot be read: this Node cannot read \.xz: unpack it/)
  })

  it('explain: which policy, which intake, and why', async () => {
    const copied = await server.tdc('explain', 'ann@sender.example', 'bob@example.net')
    assert.equal(copied.code, 0)
    assert.equal(copied.out, `policy ours sends a copy to ${DOWN} (journal)\n`)
    const outgoing = await server.tdc('explain', '<>', 'bob@other.example', '--relaying')
    assert.deepEqual([outgoing.code, outgoing.out], [1, 'no copy: outgoing mail\n'])
    const badIp = await server.tdc('explain', 'a@b.example', 'c@d.example', '--ip', '1.2.3')
    assert.deepEqual(
      [badIp.code, badIp.err],
      [2, 'haraka-tdc: --ip must be an IP address, not "1.2.3"\n'],
    )
    const wrong = await server.tdc('explain', 'a@b', 'nobody')
    assert.equal(wrong.code, 2)
  })

  it('send-test: through the queue, marked as a test, and what became of it', async () => {
    const { code, out } = await server.tdc('send-test')
    assert.equal(code, 0, out)
    assert.match(out, /delivered +delivered over DCID \d+: 250 /)
    const unknown = await server.tdc('send-test', '--intake', 'x@y.example')
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /x@y\.example is not an intake address of the settings, those are: /)
  })

  it('hold, queue, show, drop, release: copies wait, and go out', async () => {
    assert.equal((await server.tdc('hold', '--intake', INTAKE)).out, '0 copies held\n')
    assert.match((await server.tdc('status')).out, /^Held +scan\.example: nothing is sent there /m)
    const test = await server.tdc('send-test')
    assert.equal(test.code, 1)
    assert.match(test.out, /\nits delivery is held: haraka-tdc release lets it go\n$/)
    const [, mid = ''] = /^MID (\S+) /.exec(test.out) ?? []
    assert.equal((await server.tdc('drop', mid)).code, 0)
    for (const id of ['<5@sender.example>', '<6@sender.example>']) await send(server, id)
    const { copies } = JSON.parse((await server.tdc('queue', '--json')).out) as {
      copies: readonly QueuedCopy[]
    }
    assert.deepEqual(
      copies.map(({ state, intake }) => [state, intake]),
      [
        ['held', INTAKE],
        ['held', INTAKE],
      ],
    )
    const [first, second] = copies
    assert(first && second)
    const table = (await server.tdc('queue', '--most', '1')).out.split('\n')
    assert.match(table[0] ?? '', /^MID +Intake +State +Age +Attempts +Size +Last failure$/)
    assert.equal(table[1]?.startsWith(`${first.mid}  ${INTAKE}  held `), true)
    assert.match(table[2] ?? '', /^the first 1; --most NUMBER shows more$/)
    const mids = async (...args: string[]) => {
      const { out } = await server.tdc('queue', ...args, '--json')
      return (JSON.parse(out) as { copies: readonly QueuedCopy[] }).copies.map(({ mid }) => mid)
    }
    const both = [first.mid, second.mid]
    for (const [args, found] of [
      [['--intake', 'scan.example', '--since', '1h'], both],
      [['--intake', DOWN], []],
      [['--sort', 'newest', '--most', '1'], [second.mid]],
      [['--sender', 'ANN@sender.example', '--recipient', '@example.com'], both],
      [['--recipient', 'example.net'], []],
      [['--sender', '<>'], []],
      [['--since', '0s'], []],
    ] as const) {
      assert.deepEqual(await mids(...args), found, args.join(' '))
    }
    assert.equal(
      (await server.tdc('queue', '--intake', DOWN)).out,
      'no such copy is in the queue\n',
    )
    for (const [args, sentence] of [
      [
        ['--sort', 'size'],
        /--sort must be one of oldest, newest, largest, attempts, intake, not "size"/,
      ],
      [['--sort', 'larges'], /"larges"; did you mean largest\?/],
      [
        ['--since', 'yesterday'],
        /--since must be a time that has passed, such as .*, not "yesterday"/,
      ],
      [['--most', '0'], /--most must be a number from 1 to 1000/],
    ] as const) {
      const { code, err } = await server.tdc('queue', ...args)
      assert.equal(code, 2)
      assert.match(err, sentence)
    }
    assert.match((await server.tdc('show', second.mid)).out, /^State +held, in the queue for /m)
    assert.equal((await server.tdc('show', 'X.1.tdc1')).code, 1)

    assert.equal((await server.tdc('drop', first.mid)).out, `${first.mid} dropped\n`)
    assert.equal((await server.tdc('drop', first.mid)).code, 1)
    assert.equal((await server.tdc('release')).out, '1 copy released\n')
    await server.waitForLine(`Message finished MID ${second.mid} done`)
    assert.equal((await server.tdc('queue')).out, 'the queue is empty\n')
    assert.equal((await server.tdc('flush')).out, '0 copies flushed\n')
  })

  it('hold, release: only of an intake that is known, with what was meant', async () => {
    for (const [command, given, sentence] of [
      ['hold', 'journal@scam.example', '"scam.example"; did you mean scan.example?'],
      ['release', 'scan.exmple', '"scan.exmple"; did you mean scan.example?'],
      ['hold', 'no domain', '"no domain"; those are: down.example, scan.example'],
    ] as const) {
      const { code, err } = await server.tdc(command, '--intake', given)
      const expected = `haraka-tdc: no intake has the domain ${sentence}\n`
      assert.deepEqual([code, err], [1, expected])
    }
    const { holds } = JSON.parse((await server.tdc('status', '--json')).out) as Status
    assert.deepEqual(holds, [])
    // No copy has gone there yet.
    assert.equal((await server.tdc('hold', '--intake', 'DOWN.example')).code, 0)
    assert.equal((await server.tdc('release', '--intake', DOWN)).code, 0)
  })

  it('an unknown command or option: what was meant; help COMMAND', async () => {
    for (const [args, sentence] of [
      [
        ['stauts'],
        /^haraka-tdc: no command "stauts"; did you mean status\?; see haraka-tdc --help$/,
      ],
      [['frobnicate'], /^haraka-tdc: no command "frobnicate"; see haraka-tdc --help$/],
      [['help', 'qeue'], /^haraka-tdc: no command "qeue"; did you mean queue\?; /],
      [
        ['hold', '--intkae', 'x'],
        /^haraka-tdc: no option --intkae; did you mean --intake\?; usage: /,
      ],
      [['hold', '--jsno'], /^haraka-tdc: no option --jsno; did you mean --json\?; usage: /],
      [['hold', '--frobnicate'], /^haraka-tdc: no option --frobnicate; usage: /],
      [['hold', '-x'], /^haraka-tdc: no option -x; usage: /],
    ] as const) {
      const { code, out, err } = await server.tdc(...args)
      assert.deepEqual([code, out], [2, ''], args.join(' '))
      assert.match(err.trimEnd(), sentence)
    }
    const help = await server.tdc('help', 'hold')
    assert.deepEqual([help.code, help.out], [0, (await server.tdc('hold', '--help')).out])
    assert.match(help.out, /^usage: haraka-tdc hold /)
  })

  it('replay: what was given up and kept goes out', async () => {
    await send(server, '<7@sender.example>', 'bob@example.net')
    const line = await server.waitForLine(/delivery failed to .*: Hard Bounced\.$/)
    const mid = /(?:MID|Message) (\S+)/.exec(line)?.[1] ?? ''
    await server.waitForLine(new RegExp(`MID ${mid} .*kept`))
    const shown = await server.tdc('show', mid)
    assert.match(shown.out, /^kept since .*: hard-bounce, \d+ octets$/m)
    const kept = async (...args: string[]) => {
      const { code, out } = await server.tdc('kept', ...args, '--json')
      assert.equal(code, 0)
      const { count, bytes, copies } = JSON.parse(out) as KeptListed
      assert.equal(bytes > 0, count > 0)
      return [count, ...copies.map((copy) => copy.mid)]
    }
    assert.deepEqual(await kept(), [1, mid])
    assert.match((await server.tdc('status')).out, /^Kept +1 for a replay, \d+ octets$/m)
    const lost = async (...args: string[]) => {
      const { code, out } = await server.tdc('history', ...args, '--json')
      assert.equal(code, 0)
      return (JSON.parse(out) as LostListed).copies.map((copy) => [
        copy.mid,
        copy.kept ? 'kept' : copy.replayedAt !== null ? 'sent again' : 'lost',
      ])
    }
    assert.deepEqual(await lost(), [[mid, 'kept']])
    const found = ['--sender', 'ann@sender.example', '--recipient', 'example.net', '--since', '1h']
    assert.deepEqual(await lost(...found, '--intake', DOWN, '--reason', 'hard-bounce'), [
      [mid, 'kept'],
    ])
    for (const none of [
      ['--reason', 'expired'],
      ['--sender', '<>'],
      ['--intake', INTAKE],
      ['--since', '0s'],
    ]) {
      assert.deepEqual(await lost(...none), [], none.join(' '))
    }
    const [title, line1] = (await server.tdc('history')).out.split('\n')
    assert.match(title ?? '', /^Given up +MID +Intake +Reason +Now +From +Attempts +Age +What was/)
    assert.match(
      line1 ?? '',
      new RegExp(`  ${mid}  ${DOWN}  hard-bounce  kept  <ann@.*550 .*Nobody`),
    )
    assert.equal((await server.tdc('history', '--settings', '--since', '1h')).code, 2)
    assert.deepEqual(await kept('--reason', 'hard-bounce', '--since', '2h'), [1, mid])
    assert.deepEqual(await kept('--intake', DOWN, '--sort', 'largest'), [1, mid])
    for (const none of [
      ['--reason', 'expired'],
      ['--intake', INTAKE],
      ['--since', '0s'],
    ]) {
      assert.deepEqual(await kept(...none), [0], none.join(' '))
      assert.equal((await server.tdc('replay', ...none)).out, '0 copies replayed\n')
    }
    const [head, row, sum] = (await server.tdc('kept')).out.split('\n')
    assert.match(head ?? '', /^MID +Intake +Reason +Given up +Octets$/)
    assert.match(row ?? '', new RegExp(`^${mid}  ${DOWN}  hard-bounce  .* \\d+$`))
    assert.match(sum ?? '', /^1 copy, \d+ octets$/)
    const unknown = await server.tdc('replay', '--reason', 'expird')
    assert.equal(unknown.code, 2)
    assert.match(
      unknown.err,
      /one of tls-error, hard-bounce, expired, not "expird"; did you mean expired/,
    )

    assert.equal((await server.tdc('replay')).code, 2)
    const picked = ['--reason', 'hard-bounce', '--since', '2h', '--intake', 'down.example']
    assert.equal((await server.tdc('replay', ...picked)).out, '1 copy replayed\n')
    await server.waitForLine(`Message finished MID ${mid} done`)
    assert.deepEqual(await kept(), [0])
    assert.equal((await server.tdc('kept')).out, 'no such copy is kept\n')
    await server.restart()
    assert.deepEqual(await lost(), [[mid, 'sent again']])
    assert.match((await server.tdc('status')).out, /^Kept +0 for a replay$/m)
  })

  const WRONG: readonly (readonly [args: string, code: number, says: RegExp])[] = [
    ['track --since nonsense', 2, /^--since must be a time that has passed, .*, not "nonsense"$/],
    ['track --most 0', 2, /^--most must be a number from 1 to 500, not "0"$/],
    ['queue --most many', 2, /^--most must be a number from 1 to 1000, not "many"$/],
    ['queue --most -1', 2, /^--most needs a value; .* is written --most=-VALUE; usage: /],
    ['queue --most', 2, /^--most needs a value; usage: /],
    ['status --json=yes', 2, /^--json takes no value; usage: /],
    ['queue --intake=', 2, /^--intake has an empty value$/],
    ['replay --reason=', 2, /^--reason has an empty value$/],
    ['track --sort newst', 2, /^--sort must be one of .*; did you mean newest\?$/],
    [
      'hold --intake scan.exampel',
      1,
      /^no intake has the domain .*; did you mean scan\.example\?$/,
    ],
    ['explain a b@example.com', 2, /^FROM must be an address user@domain, or '<>', not "a"$/],
    ['help status queue', 2, /^usage: haraka-tdc help \[COMMAND\] /],
    ['--nope', 2, /^no option --nope; usage: /],
    ['statuss', 2, /^no command "statuss"; did you mean status\?; see haraka-tdc --help$/],
  ]
  for (const [args, code, says] of WRONG) {
    it(`${args}: one sentence, and exit code ${code}`, async () => {
      const { code: ended, out, err } = await server.tdc(...args.split(' '))
      assert.deepEqual([ended, out], [code, ''])
      assert.match(err, /^haraka-tdc: [^\n]+\n$/)
      assert.match(err.slice('haraka-tdc: '.length).trimEnd(), says)
    })
  }

  it('an empty word, such as a variable without a value, does not mean all', async () => {
    for (const args of [
      ['track', ''],
      ['show', ' '],
      ['explain', '', 'bob@example.com'],
    ]) {
      const { code, err } = await server.tdc(...args)
      assert.deepEqual([code, err], [2, `haraka-tdc: an empty word is given to ${args[0]}\n`])
    }
  })

  it('what is found for an intake that nobody knows is nothing, and says so', async () => {
    for (const command of ['queue', 'kept', 'history', 'track', 'replay']) {
      const { out } = await server.tdc(command, '--intake', 'scan.exampel')
      assert.match(out, /^no intake has the domain "scan\.exampel"; did you mean scan\.example\?$/m)
      assert.doesNotMatch((await server.tdc(command, '--intake', INTAKE)).out, /no intake has/)
    }
  })

  it('a full disk behind the answer is no success; a pipe that is closed early is no error', async () => {
    const run = (rest: string) =>
      spawnSync('bash', ['-c', `node "$0" help ${rest}`, join(repository, 'dist/haraka-tdc.js')], {
        encoding: 'utf8',
      })
    const full = run('>/dev/full')
    assert.equal(full.status, 1)
    assert.match(full.stderr, /^haraka-tdc: the answer cannot be written: ENOSPC[^\n]*\n$/)
    const early = run('| true; exit ${PIPESTATUS[0]}')
    assert.deepEqual([early.status, early.stderr], [0, ''])
  })

  it('names a worker that does not answer, within the deadline', async () => {
    const { out } = await server.tdc('status', '--json')
    const [stopped] = (JSON.parse(out) as Status).processes
    assert(stopped)
    process.kill(stopped.pid, 'SIGSTOP')
    try {
      const answer = await server.tdc('status', '--json')
      const status = JSON.parse(answer.out) as Status
      assert.equal(answer.code, 1)
      assert.deepEqual(status.silent, [{ worker: stopped.worker, pid: stopped.pid }])
      assert.equal(status.processes.length, 1)
      assert.match((await server.tdc('status')).out, /^ {2}worker \d \(pid \d+\)$/m)
    } finally {
      process.kill(stopped.pid, 'SIGCONT')
    }
  })

  it('says when the server itself does not answer', async () => {
    server.signal('SIGSTOP')
    try {
      const { code, err } = await server.tdc('status')
      assert.equal(code, 3)
      assert.match(err, /^haraka-tdc: the server cannot be reached over .*: it does not answer$/m)
    } finally {
      server.signal('SIGCONT')
    }
  })

  it('check: every host of every intake, also without a server', async () => {
    const { code, out } = await server.tdc('check')
    assert.equal(code, 0, out)
    assert.match(out, /^settings taken: enabled \(cluster\)$/m)
    assert.match(out, /^ {2}mx\.scan\.example \[127\.0\.0\.2\]:\d+ ok$/m)
    assert.match(out, /^ {4}Certificate +until .+, by /m)
  })

  it('the socket is for its owner alone, and goes with the server', async () => {
    const path = join(server.dir, 'tdc.sock')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    await server.stop('SIGINT')
    assert.equal(existsSync(path), false)
  })

  it('without a server every command that needs one says so, also after a crash', async () => {
    const path = join(server.dir, 'tdc.sock')
    await server.start()
    await server.kill9()
    assert.equal(existsSync(path), true)
    for (const command of [
      ['status'],
      ['tophosts'],
      ['send-test'],
      ['track', 'x'],
      ['explain', 'a@b.example', 'c@d.example'],
    ]) {
      const { code, out, err } = await server.tdc(...command)
      assert.deepEqual([code, out], [3, ''])
      assert.equal(err, `haraka-tdc: no Haraka with the tdc plugin runs here (${path})\n`)
    }
    assert.equal((await server.tdc('check')).code, 0)
    await server.start()
    assert.equal((await server.tdc('status')).code, 0)
  })
})

async function send(server: HarakaServer, id: string, to = 'bob@example.com'): Promise<void> {
  const raw = Buffer.from(`Subject: a mail\r\nMessage-ID: ${id}\r\n\r\nhello\r\n`)
  const { code } = await sendMail(server, { from: 'ann@sender.example', to: [to], raw })
  assert.equal(code, 250)
}
