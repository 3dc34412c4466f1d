import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Status } from '../plugins/tdc/monitor/status'
import { createAuthority, type KeyAndCertificate as Pair } from './support/certificates'
import { inTheLab } from './support/gateway'
import { type HarakaServer, logText } from './support/haraka'
import { RESULTS_TELLER, resultsOf } from './support/results-teller'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'

const INTAKE = 'journal@scan.example'
/** An intake that asks for a client certificate. */
const ASKING = 'asking.example'
const BOB = 'bob@example.com'
const EVE = 'eve@example.com'
const ADA = 'ada@example.com'
/** config/me of the gateways. */
const ME = 'mx.gateway.test'

/** Haraka reads a file again five seconds after its last change. */
const RELOADED = 20_000

const EFFECTIVE = /^TDC: Threat Defense Connector /

/** Each story has a server of its own, and all run at the same time, because a reload takes 5 s. */
describe('settings that change while Haraka runs', function () {
  this.timeout(60_000)

  let stage: Stage
  let stories: Record<keyof typeof STORIES, Promise<void>>

  before(async () => {
    const authority = await createAuthority()
    const own = await authority.issue({ names: [`mx.${ASKING}`] })
    const tls = { ...own, asks: { ca: authority.caPem, must: true } }
    stage = await Stage.start({ 'scan.example': {}, [ASKING]: { tls } }, authority)
    stories = {
      switched: STORIES.switched(stage),
      listed: STORIES.listed(stage),
      workers: STORIES.workers(stage),
      unreadable: STORIES.unreadable(stage),
      late: STORIES.late(stage),
      never: STORIES.never(stage),
      lost: STORIES.lost(stage),
      roots: STORIES.roots(stage),
      client: STORIES.client(stage),
    }
    for (const story of Object.values(stories)) story.catch(() => undefined)
  })
  after(() => stage.close())

  it('take effect, and a mistake keeps the last good ones', () => stories.switched)
  it('take effect with a list file, and for a group', () => stories.listed)
  it('stay as they are when tdc.ini cannot be read', () => stories.unreadable)
  it('stay as they are when a list or tdc.ini loses what it had', () => stories.lost)
  it('take effect in every worker, and are told once', () => stories.workers)
  it('take effect with a ca_file that is replaced', () => stories.roots)
  it('take effect with a client certificate and key that are replaced, once they are a pair', () =>
    stories.client)
  it('are those of the others in a worker that starts while tdc.ini is refused', () => stories.late)
  it('are none in any when tdc.ini was refused from the beginning, and each says so', () =>
    stories.never)
})

const STORIES = {
  async switched(stage: Stage): Promise<void> {
    const server = await start(stage, settings(stage, { enabled: false }))
    assert.deepEqual(effectiveLines(server), ['TDC: Threat Defense Connector disabled (cluster)'])
    assert.deepEqual(await outcome(server, 'before', BOB), ['disabled'])
    await server.waitForLine(
      / from <ann@sender\.example> not copied for 1 recipient: the connector is disabled \(cluster\)$/,
    )

    await change(server, 'tdc.ini', settings(stage, { enabled: true }))
    const on = `TDC: Threat Defense Connector enabled (cluster), message intake address ${INTAKE} (cluster)`
    assert.equal(effectiveLines(server)[1], on)
    assert.equal(await outcome(server, 'after', BOB), 'copied')

    const from = server.lines.size
    await change(server, 'tdc.ini', `${settings(stage, { enabled: false })}retry_delay=soon\n`)
    assert.deepEqual(connectorLines(server, from), [
      'TDC: tdc.ini [delivery] retry_delay=soon: must be a number of seconds from 0 to 3600',
      'TDC: tdc.ini refused, the settings before it stay in force',
      on,
    ])
    assert.equal(await outcome(server, 'still', BOB), 'copied')
  },

  async listed(stage: Stage): Promise<void> {
    const tdc = settings(stage, {
      enabled: true,
      policies: '[policy.staff]\nrecipients=listed\nrecipient_list_file=staff\nintake=default\n',
    })
    const server = await start(stage, tdc, { staff: `${BOB}\n` })
    assert.equal(await outcome(server, 'listed', BOB), 'copied')
    assert.deepEqual(await outcome(server, 'not listed', ADA), ['policy-no'])

    await change(server, 'staff', `# the staff\n\n${ADA}\n`)
    assert.equal(await outcome(server, 'listed now', ADA), 'copied')
    assert.deepEqual(await outcome(server, 'not listed any more', BOB), ['policy-no'])

    const group = `[group.edge]\nenabled=false\nmachines[]=${ME}\n`
    await change(server, 'tdc.ini', `${tdc}${group}`)
    assert.equal(
      effectiveLines(server).at(-1),
      'TDC: Threat Defense Connector disabled (group=edge)',
    )
    assert.deepEqual(await outcome(server, 'of the group', ADA), ['disabled'])
  },

  async lost(stage: Stage): Promise<void> {
    const policies =
      '[policy.staff]\nrecipients=listed\nrecipient_list_file=staff\nintake=default\n'
    const tdc = settings(stage, { enabled: true, policies })
    const server = await start(stage, tdc, { staff: `${BOB}\n${EVE}\n` })
    const path = join(server.dir, 'config', 'tdc.ini')
    const whole = readFileSync(path, 'utf8')

    await change(server, 'staff', '')
    assert.equal(await outcome(server, 'list empty', BOB), 'copied')
    server.writeConfig('tdc.ini', '')
    await server.waitForLine('TDC: tdc.ini is empty; write [main] enabled=false', RELOADED)
    assert.equal(await outcome(server, 'tdc.ini empty', BOB), 'copied')
    server.writeConfig('tdc.ini', whole.slice(0, whole.indexOf('[policy')))
    await server.waitForLine('TDC: tdc.ini is the one in force cut off in line 3', RELOADED)
    assert.equal(await outcome(server, 'tdc.ini cut', BOB), 'copied')

    await change(server, 'staff', `${BOB}\n`)
    server.writeConfig('tdc.ini', `${whole}; whole\n`)
    await server.waitForLine(
      /\[WARN\].* TDC: who gets copies has changed: recipients of policy staff: 0 more, 1 fewer$/,
      RELOADED,
    )
    assert.equal(await outcome(server, 'whole again', BOB), 'copied')
    assert.deepEqual(await outcome(server, 'not listed any more', EVE), ['policy-no'])
  },

  async workers(stage: Stage): Promise<void> {
    const group = `[group.edge]\nenabled=true\nmachines[]=${ME}\nintake_address=${INTAKE}\n`
    const tdc = settings(stage, { enabled: false, policies: DEFAULT + group })
    const server = await start(stage, tdc, {}, 2)
    const told = [
      `TDC: Threat Defense Connector enabled (group=edge), message intake address ${INTAKE} (group=edge)`,
    ]
    assert.equal(await outcome(server, 'first', BOB), 'copied')
    assert.deepEqual(effectiveLines(server), told)

    const from = server.lines.size
    await change(server, 'tdc.ini', `${tdc}[machine.${ME}]\nenabled=false\n`)
    // By the master and by both workers.
    await server.lines.until(
      () => linesWith(server, from, 'Reloaded file: ').length === 3,
      RELOADED,
      () => server.tail(),
    )
    for (const subject of ['second', 'third', 'fourth', 'fifth']) {
      assert.deepEqual(await outcome(server, subject, BOB), ['disabled'])
    }
    assert.deepEqual(effectiveLines(server), [
      ...told,
      `TDC: Threat Defense Connector disabled (machine=${ME})`,
    ])
  },

  async unreadable(stage: Stage): Promise<void> {
    const server = await start(stage, settings(stage, { enabled: true }))
    assert.equal(await outcome(server, 'before', BOB), 'copied')

    const path = join(server.dir, 'config', 'tdc.ini')
    rmSync(path)
    await server.waitForLine('TDC: config/tdc.ini is gone', RELOADED)
    assert.equal(await outcome(server, 'between', BOB), 'copied')

    // What cannot be read by anybody, root included.
    mkdirSync(path)
    await server.waitForLine('TDC: tdc.ini cannot be read: EISDIR', RELOADED)
    assert.equal(await outcome(server, 'after', BOB), 'copied')
  },

  async roots(stage: Stage): Promise<void> {
    const server = await start(stage, settings(stage, { enabled: true }))
    await change(server, 'trusted.pem', (await createAuthority()).caPem)
    const raw = Buffer.from('Subject: of another authority\r\n\r\nhello\r\n')
    await sendMail(server, { from: 'ann@sender.example', to: [BOB], raw })
    await server.waitForLine(/ TLS failed with mx\.scan\.example .*: certificate-not-trusted: /)
  },

  async client(stage: Stage): Promise<void> {
    const pairOf = (name: string) => stage.authority.issue({ names: [name], client: true })
    const pairs = await Promise.all(['first', 'second', 'third'].map(pairOf))
    const [first, second, third] = pairs as [Pair, Pair, Pair]
    const files = '[tls]\nclient_certificate=client.pem\nclient_key=client.key\n'
    const tdc = `${settings(stage, { enabled: true })}idle_timeout=0\nmin_connections=1\n${files}`
    const server = await start(stage, tdc.replace(INTAKE, `journal@${ASKING}`), {
      'client.pem': first.cert,
      'client.key': first.key,
    })
    const shown = async (subject: string) => {
      assert.equal(await outcome(server, subject, BOB), 'copied')
      return stage.intake(ASKING).connections.at(-1)?.seen.tls?.client
    }
    assert.equal(await shown('one'), 'CN=first')

    server.writeConfig('client.key', second.key)
    await change(server, 'client.pem', second.cert)
    assert.equal(await shown('two'), 'CN=second')

    const from = server.lines.size
    await change(server, 'client.key', third.key)
    assert.deepEqual(connectorLines(server, from).slice(0, 2), [
      'TDC: tdc.ini [tls] client_key=client.key: is not the key of the first certificate in client_certificate',
      'TDC: tdc.ini refused, the settings before it stay in force',
    ])
    assert.equal(await shown('still two'), 'CN=second')
    await change(server, 'client.pem', third.cert)
    assert.equal(await shown('three'), 'CN=third')
    assert.equal(stage.intake(ASKING).messages.length, 4)
    assert.deepEqual(linesWith(server, 0, 'PRIVATE KEY'), [])
  },

  async late(stage: Stage): Promise<void> {
    const policies = '[policy.ONE]\nintake=default\nrecipients=listed\nrecipient_list_file=bobs\n'
    const ini = settings(stage, { enabled: true, policies })
    const server = await start(stage, ini, { bobs: `${BOB}\n` }, 2)
    assert.equal(await outcome(server, 'before', BOB), 'copied')
    rmSync(join(server.dir, 'config', 'bobs'))
    await change(server, 'tdc.ini', 'enabled true\n')
    const { processes } = JSON.parse((await server.tdc('status', '--json')).out) as Status
    process.kill(processes[0]?.pid ?? NaN, 'SIGKILL')
    await server.waitForLine(
      /^\[WARN\].* TDC: tdc\.ini is refused: this worker, started with it, has the settings before/,
    )
    await server.waitForLine('worker 3 listening on')
    // They take turns.
    for (const subject of ['after', 'after that']) {
      assert.equal(await outcome(server, subject, BOB), 'copied')
      assert.deepEqual(await outcome(server, `${subject}, other`, EVE), ['policy-no'])
    }
  },

  async never(stage: Stage): Promise<void> {
    const server = await start(stage, 'enabled true\n', {}, 1)
    await server.waitForLine(
      /^\[ERROR\].* TDC: tdc\.ini is refused: this worker, started with it, copies nothing until/,
    )
    assert.deepEqual(await outcome(server, 'never', BOB), ['disabled'])
  },
}

const DEFAULT = '[policy.DEFAULT]\nintake=default\n'

/** A tdc.ini that ends within [delivery]. */
function settings(stage: Stage, given: { enabled: boolean; policies?: string }): string {
  const { enabled, policies = DEFAULT } = given
  return `[main]
enabled=${enabled}
intake_address=${INTAKE}
${policies}
[delivery]
port=${stage.port}
`
}

function start(
  stage: Stage,
  tdc: string,
  config: Readonly<Record<string, string>> = {},
  nodes = 0,
): Promise<HarakaServer> {
  const scanners = { teller: RESULTS_TELLER }
  return stage.gateway({ domains: ['example.com'], scanners, config, tdc, nodes })
}

/** Writes a file of config/ and waits until the connector says what is in force now. */
async function change(server: HarakaServer, name: string, text: string): Promise<void> {
  const from = server.lines.size
  // The settings that gateways have beside the given ones.
  server.writeConfig(name, name === 'tdc.ini' ? inTheLab(text) : text)
  const told = (line: string) => EFFECTIVE.test(logText(line))
  await server.lines.first(told, RELOADED, () => server.tail(), from)
}

/** Sends a message; that it was copied, and delivered, or the tokens of why not. */
async function outcome(
  server: HarakaServer,
  subject: string,
  to: string,
): Promise<'copied' | readonly string[]> {
  const raw = Buffer.from(`Subject: ${subject}\r\n\r\nhello\r\n`)
  const reply = await sendMail(server, { from: 'ann@sender.example', to: [to], raw })
  assert.equal(reply.code, 250)
  const { uuid, skip } = await resultsOf(server, subject)
  if (skip.length > 0) return skip
  await server.waitForLine(`Message finished MID ${uuid}.tdc1 done`)
  return 'copied'
}

function effectiveLines(server: HarakaServer): string[] {
  return connectorLines(server).filter((text) => EFFECTIVE.test(text))
}

/** The connector's lines that belong to no message. */
function connectorLines(server: HarakaServer, from = 0): string[] {
  return linesWith(server, from, '] [-] [tdc] TDC: ').map(logText)
}

function linesWith(server: HarakaServer, from: number, text: string): string[] {
  return server.lines.entries.slice(from).filter((line) => line.includes(text))
}
