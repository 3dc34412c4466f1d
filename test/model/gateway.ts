import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inTheLab } from '../support/gateway'
import { type HarakaOptions, HarakaServer, makeServerDir } from '../support/haraka'
import { makeTempDir } from '../support/temp-dir'
import {
  ALIASES,
  DOWN,
  type Gateway,
  INTAKE,
  NOT_COPIED,
  OURS,
  PARTNER,
  PLUGIN_TIMEOUT,
  RELAY_CLIENT,
  VIP_INTAKE,
  VIPS,
} from './plan'

/** What stands around a gateway. */
export interface Around {
  /** Ports: the next hop, one that closes every connection, one where nobody listens. */
  readonly hop: number
  readonly mute: number
  readonly nobody: number
  /** The file to which a queue plugin of its own delivers. */
  readonly mailboxes: string
  readonly intakes: number
  readonly dns: string
  readonly trusted: string
  readonly install: HarakaOptions['install']
}

/** The real Haraka that a plan describes. */
export async function startGateway(gateway: Gateway, around: Around): Promise<HarakaServer> {
  const options: HarakaOptions = {
    plugins: pluginsOf(gateway),
    localPlugins: {
      model_marks: source('plugins/model_marks.js'),
      model_queue: source('plugins/model_queue.js'),
      tdc_inspect: source('../support/plugins/tdc_inspect.js'),
    },
    config: configOf(gateway, around),
    nodeArgs: ['-r', join(__dirname, '../support/dns-preload.js')],
    env: {
      TDC_TEST_DNS: around.dns,
      MODEL_HOP: String(around.hop),
      MODEL_MAILBOXES: around.mailboxes,
      MODEL_QUEUE_PRIORITY: gateway.way === 'a plugin before all' ? '-200' : '0',
    },
    ...(around.install && { install: around.install }),
  }
  const server = new HarakaServer(await makeServerDir(options), options)
  await server.start()
  return server
}

/** Domains that a stranger may write to, by in_host_list or check_recipient, are accepted before relay. */
function pluginsOf(gateway: Gateway): string[] {
  const { aliases, accepts, way, quarantine, discard } = gateway
  const forward = accepts === 'smtp_forward.ini'
  return [
    ...(aliases ? ['aliases'] : []),
    'model_marks',
    ...(way === 'smtp_bridge' ? ['relay'] : []),
    ...(forward ? ['queue/smtp_forward'] : ['rcpt_to.in_host_list']),
    ...(way === 'smtp_bridge' ? [] : ['relay']),
    'tdc',
    'tdc_inspect',
    ...(quarantine ? ['queue/quarantine'] : []),
    ...(discard ? ['queue/discard'] : []),
    ...(forward ? [] : queuePlugins(gateway)),
  ]
}

function queuePlugins({ way }: Gateway): string[] {
  switch (way) {
    case 'smtp_forward':
    case 'smtp_forward, one message per recipient':
      return ['queue/smtp_forward']
    case 'smtp_proxy':
      return ['queue/smtp_proxy']
    case 'smtp_bridge':
      return ['queue/smtp_bridge']
    case 'lmtp':
      return ['queue/lmtp']
    case 'a plugin of its own':
    case 'a plugin before all':
      return ['model_queue']
  }
}

function configOf(gateway: Gateway, around: Around): Record<string, string> {
  const received = [...OURS, ...(gateway.perDomain ? DOWN : [])]
  const relayedFor = [
    ...(gateway.partners ? [PARTNER] : []),
    ...(gateway.way === 'smtp_bridge' ? received : []),
  ]
  const next = `host=127.0.0.1\nport=${around.hop}\n`
  return {
    plugin_timeout: `${PLUGIN_TIMEOUT}\n`,
    host_list: lines(gateway.accepts === 'host_list' ? received : ['mx.gateway.test']),
    host_list_regex: gateway.accepts === 'host_list_regex' ? `(${received.join('|')})\n` : '',
    'smtp_forward.ini': smtpForwardIni(gateway, around),
    'smtp_proxy.ini': `[main]\n${next}`,
    'smtp_bridge.ini': next,
    'lmtp.ini': `[main]\n${next}`,
    // What fails is given up at once: nothing is left to wait for.
    'outbound.ini': 'temp_fail_intervals=none\n',
    'aliases.json': JSON.stringify(aliasesJson()),
    'relay.ini': `[relay]\nacl=true\nforce_routing=false\ndest_domains=${relayedFor.length > 0}\n`,
    relay_acl_allow: `${RELAY_CLIENT}/32\n`,
    'relay_dest_domains.ini': `[domains]\n${lines(relayedFor.map((domain) => `${domain} = { "action": "accept" }`))}`,
    'quarantine.ini': `[main]\nquarantine_path=${makeTempDir('quarantine')}\n`,
    'trusted.pem': around.trusted,
    'tdc.ini': inTheLab(tdcIni(gateway, around)),
  }
}

function smtpForwardIni(
  { way, accepts, perDomain, forwardsRelayed }: Gateway,
  around: Around,
): string {
  const each = way === 'smtp_forward, one message per recipient' ? 'one_message_per_rcpt=true' : ''
  const section = (name: string, port: number, ...more: string[]) =>
    lines([`[${name}]`, 'host=127.0.0.1', `port=${port}`, each, ...more])
  return [
    section(
      'main',
      around.hop,
      `enable_outbound=${forwardsRelayed}`,
      `check_recipient=${accepts === 'smtp_forward.ini'}`,
    ),
    ...(perDomain
      ? [
          ...OURS.map((domain) => section(domain, around.hop)),
          section(DOWN[0], around.nobody),
          section(DOWN[1], around.mute),
        ]
      : []),
  ].join('')
}

function aliasesJson(): object {
  return Object.fromEntries(
    Object.entries(ALIASES).map(([address, to]) => [
      address,
      to.length === 0 ? { action: 'drop' } : { action: 'alias', to: to.length === 1 ? to[0] : to },
    ]),
  )
}

function tdcIni({ policies, tempfail }: Gateway, { intakes }: Around): string {
  const policy = (name: string, list: readonly string[], ...choice: string[]) =>
    lines([
      `[policy.${name}]`,
      'recipients=listed',
      ...list.map((each) => `recipient_list[]=${each}`),
      ...choice,
    ])
  return [
    lines([
      '[main]',
      'enabled=true',
      `intake_address=${INTAKE}`,
      `on_journal_failure=${tempfail ? 'tempfail' : 'accept'}`,
    ]),
    ...(policies === 'everybody'
      ? []
      : [
          policy('not-copied', NOT_COPIED, 'intake=no'),
          policy('vips', VIPS, 'intake=custom', `intake_address=${VIP_INTAKE}`),
        ]),
    lines(['[policy.DEFAULT]', 'intake=default', '[delivery]', `port=${intakes}`]),
  ].join('')
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}

function source(name: string): string {
  return readFileSync(join(__dirname, name), 'utf8')
}
