import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { comesTrue } from './support/comes-true'
import { textOf } from './support/documents'
import type { HarakaServer } from './support/haraka'
import { outsideNpm, packPlugin, pluginName, unpackInto } from './support/packed-plugin'
import { repository } from './support/run'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'

const README = textOf('README.md')

/** Blocks of code in README of that language, without what stands behind them as a comment. */
function blocks(language: string): string[] {
  const fenced = README.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))
  return [...fenced].map(([, text = '']) => text.replace(/ +# .*$/gm, ''))
}

/** Each command that README prints, in blocks and in its sentences. */
const PRINTED = new Set([
  ...blocks('sh').flatMap((block) => block.split('\n').filter((line) => line !== '')),
  ...[...README.replace(/^```[^]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)]
    .map(([, code = '']) => code)
    .filter((code) => /^(haraka|haraka-tdc|npm|npx) \S/.test(code)),
])
const ran = new Set<string>()

const ME = 'ann@sender.example'
const REFUSED = { on: 'RCPT', nth: 1, reply: '550 5.1.1 Nobody' } as const

/** From `haraka -i` by README's words alone. */
describe('a newcomer who follows README', function () {
  this.timeout(180_000)

  const [ini = ''] = blocks('ini')
  const [, address = ''] = /^intake_address=(\S+)$/m.exec(ini) ?? []
  const [, domain = ''] = address.split('@')
  let isDown = false
  let stage: Stage
  let server: HarakaServer
  let directory = ''

  before(async () => {
    stage = await Stage.start({ [domain]: { script: () => (isDown ? [REFUSED] : []) } })
  })
  after(() => stage.close())

  /** A printed command in the server directory; `become`: what a newcomer puts in the place of words. */
  async function run(printed: string, become: Readonly<Record<string, string>> = {}) {
    assert.ok(PRINTED.has(printed), `README does not print ${printed}`)
    ran.add(printed)
    let command = printed
    for (const [word, own] of Object.entries(become)) {
      assert.ok(command.includes(word), `${word} in ${printed}`)
      command = command.replace(word, own)
    }
    return shell(command)
  }

  async function shell(command: string, cwd = directory) {
    const preload = join(__dirname, 'support', 'dns-preload.js')
    const bin = join(repository, 'node_modules', '.bin')
    const program = spawn('sh', ['-c', command], {
      cwd,
      env: {
        ...outsideNpm(),
        ...{ PATH: `${join(cwd, 'node_modules', '.bin')}:${bin}:${process.env['PATH'] ?? ''}` },
        ...{ NODE_OPTIONS: `-r ${preload}`, TDC_TEST_DNS: stage.dnsAddress, PAGER: 'cat' },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    for (const stream of [program.stdout, program.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (out += text))
    const [code] = (await once(program, 'close')) as [number | null]
    return { code, out }
  }

  async function send(id: string): Promise<void> {
    const raw = Buffer.from(`Subject: a mail\r\nMessage-ID: ${id}\r\n\r\nHello.\r\n`)
    assert.equal((await sendMail(server, { from: ME, to: ['bob@example.com'], raw })).code, 250)
  }

  it('makes a server directory, installs the plugin and starts', async () => {
    ran.add('haraka -i').add('npm pack')
    const install = async (made: string) => {
      directory = made
      const tarball = await packPlugin()
      const printed = [...PRINTED].find((line) => line.startsWith('npm install')) ?? ''
      const [named = ''] = /\S+\.tgz/.exec(printed) ?? []
      assert.equal(basename(named), basename(tarball), 'what npm pack makes')
      const installed = await run(printed, { [named]: tarball })
      if (installed.code !== 0) {
        console.log('      no registry: the package is put in place without npm install')
        await unpackInto(made)
        mkdirSync(join(made, 'node_modules', '.bin'), { recursive: true })
        const program = join('..', pluginName, 'dist', 'haraka-tdc.js')
        symlinkSync(program, join(made, 'node_modules', '.bin', 'haraka-tdc'))
      }
      const link = [...PRINTED].find((line) => line.startsWith('mkdir -p docs/plugins')) ?? ''
      assert.equal((await run(link)).code, 0)
    }
    // The laboratory's intake listens on another port, and takes one copy over each connection.
    const tdc = `${ini}[delivery]\nport=${stage.port}\nidle_timeout=0\n`
    server = await stage.gateway({ domains: ['example.com'], tdc, install })
    const { out } = await run('haraka -c . -h tdc')
    assert.match(out, /Threat Defense Connector/)
    const [line = ''] = blocks('').flatMap(
      (block) => /TDC: Threat Defense \w+ enabled \(cluster\)/.exec(block) ?? [],
    )
    await server.waitForLine(line)
  })

  it('asks: the settings, a test message, and how it is', async () => {
    const checked = await run('npx --no haraka-tdc check')
    assert.equal(checked.code, 0, checked.out)
    const tested = await run('npx --no haraka-tdc send-test')
    assert.equal(tested.code, 0, tested.out)
    const status = await run('npx --no haraka-tdc status')
    assert.deepEqual([status.code, status.out.split('\n')[0]], [0, 'State         ok'], status.out)
  })

  it('finds a mail that was copied', async () => {
    await send('<first@sender.example>')
    const hasIt = () =>
      stage.intake(domain).messages.some(({ raw }) => raw.includes('<first@sender.example>'))
    assert.ok(await comesTrue(hasIt, 10_000), 'the copy')
    const word = "'<id@sender.example>'"
    const found = await run(`npx --no haraka-tdc track ${word}`, { id: 'first' })
    assert.equal(found.code, 0)
    assert.match(found.out, /delivered over DCID \d+/)
  })

  it('notices that the intake refuses, and sends what it missed when it is mended', async () => {
    isDown = true
    await send('<second@sender.example>')
    await server.waitForLine(/kept for a replay$/)
    const status = await run('npx --no haraka-tdc status')
    assert.equal(status.code, 1)
    assert.match(
      status.out,
      /^State +(?:warning|failing)\n +\S+ (?:losing|refusing): 1 by its reply/,
    )
    const test = await run('haraka-tdc send-test')
    assert.equal(test.code, 1, test.out)

    isDown = false
    for (const word of ['hold', 'release']) {
      assert.ok(README.includes(`\`${word === 'hold' ? 'haraka-tdc hold' : word}\``))
      assert.equal((await shell(`haraka-tdc ${word}`)).code, 0)
    }
    ran.add('haraka-tdc hold')
    const [replay = ''] = [...PRINTED].filter((line) => / replay --since /.test(line))
    const [moment = ''] = /\d{4}-\d\d-\d\dT\d\d:\d\d/.exec(replay) ?? []
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString().slice(0, 16)
    const before = stage.intake(domain).messages.length
    const sent = await run(replay, { [moment]: `${anHourAgo}Z` })
    assert.deepEqual([sent.code, sent.out], [0, '2 copies replayed\n'])
    const hasBoth = () => stage.intake(domain).messages.length === before + 2
    assert.ok(await comesTrue(hasBoth, 10_000), 'the copies')
    const found = await shell("npx --no haraka-tdc track '<second@sender.example>'")
    assert.match(found.out, /replayed[^]*delivered over DCID/)
  })

  it('can try it in the clone before all that', async () => {
    const [demo, tests] = [...PRINTED].filter((line) => line.startsWith('npm ci && '))
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
    assert.deepEqual([demo, tests], ['npm ci && npm run demo', 'npm ci && npm test'])
    // This checkout is installed, and the tests run at this moment.
    const { code, out } = await shell(`${scripts['demo']} --once`, repository)
    assert.equal(code, 0, out)
    for (const line of ['npm ci', demo ?? '', tests ?? '']) ran.add(line)
  })

  it('has run every command that README prints', () => {
    assert.ok(PRINTED.size > 10)
    assert.deepEqual(
      [...PRINTED].filter((command) => !ran.has(command)),
      [],
    )
  })
})
