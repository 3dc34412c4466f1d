import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { HookTable } from './contract'
import { configFolder } from './settings-files'
import type { HarakaPlugin } from './types'

/** Sections of connection.ini that Haraka reads members of without asking whether they are there. */
const CONNECTION_SECTIONS = ['main', 'message', 'max', 'uuid', 'headers'] as const

/**
 * What in the server's other settings keeps copies from being made, delivered or kept: one sentence
 * each. None of it stops the plugin.
 */
export function surroundingWarnings(plugin: HarakaPlugin): string[] {
  return [...connectionIni(), ...outboundIni(plugin), ...tooShortTimeout(plugin)]
}

/**
 * A missing connection.ini ends Haraka at the first connection, because it reads members
 * of sections that are not there; with empty ones it goes on. In every process, before connections.
 */
export function fillConnectionIni(plugin: HarakaPlugin): void {
  const { cfg } = plugin.haraka_require('connection') as { cfg?: Record<string, object> }
  for (const section of CONNECTION_SECTIONS) if (cfg) cfg[section] ??= {}
}

function connectionIni(): string[] {
  if (existsSync(join(configFolder(), 'connection.ini'))) return []
  return [
    'config/connection.ini is missing: Haraka works with empty sections in its place, ' +
      'copy the file from Haraka to be sure of your limits',
  ]
}

/** Haraka delivers nothing; it may be told so at any time. */
export function isOutboundDisabled(plugin: HarakaPlugin): boolean {
  const { cfg } = plugin.haraka_require('outbound/config') as { cfg?: { disabled?: unknown } }
  return Boolean(cfg?.disabled)
}

/** smtp.ini without its sections, as core has it. */
export function smtpMain(plugin: HarakaPlugin): Readonly<Record<string, unknown>> {
  const { cfg } = plugin.haraka_require('server') as { cfg?: { main?: object } }
  return { ...cfg?.main }
}

/** Read from core's own copy: reading the file again would take core's reload callback away. */
function outboundIni(plugin: HarakaPlugin): string[] {
  const { cfg } = plugin.haraka_require('outbound/config') as {
    cfg?: { disabled?: unknown; temp_fail_intervals?: unknown }
  }
  const warnings: string[] = []
  if (cfg?.disabled) {
    warnings.push(
      `outbound.ini disabled=${String(cfg.disabled)}: copies found in the queue at start wait ` +
        'until it is enabled, copies of new messages are delivered',
    )
  }
  if (Array.isArray(cfg?.temp_fail_intervals) && cfg.temp_fail_intervals.length === 0) {
    warnings.push(
      'outbound.ini temp_fail_intervals=none: Haraka gives up a queue file that it cannot read at ' +
        'the first attempt, with the copy in it; leave the intervals at their default',
    )
  }
  return warnings
}

/** The page is served by Haraka's own HTTP; that express is missing, Haraka says itself. */
export function httpWarnings(plugin: HarakaPlugin, page: { readonly enabled: boolean }): string[] {
  const { http } = plugin.haraka_require('server') as {
    http?: { cfg?: { listen?: unknown } | null }
  }
  if (!page.enabled || http?.cfg?.listen) return []
  return [
    'tdc.ini [status_page] enabled=true: the page is not served, because http.ini has no listen; ' +
      'set it, such as listen=127.0.0.1:8080, and install express',
  ]
}

/** Seconds that writing the copies needs to be left at the least. */
const SHORTEST_TIMEOUT = 5

function tooShortTimeout({ timeout }: HarakaPlugin): string[] {
  if (timeout === 0 || timeout >= SHORTEST_TIMEOUT) return []
  return [
    `plugin_timeout (or tdc.timeout) is ${timeout} seconds: writing the copies of a large message ` +
      `may need more, set it to ${SHORTEST_TIMEOUT} or more`,
  ]
}

/**
 * Plugins whose hooks run too late or too early for ours: a scanner after the decision is not waited
 * for, and a queue plugin before the preparation takes the message without a copy.
 */
export function orderWarnings({ registered_hooks }: HookTable, name: string): string[] {
  const warnings: string[] = []
  for (const plugin of neighbours(registered_hooks['data_post'], name).after) {
    warnings.push(
      `plugin ${plugin} hooks data_post after ${name}: list ${name} after it in config/plugins, or ` +
        'messages are copied before it has scanned them',
    )
  }
  for (const hook of ['queue', 'queue_outbound']) {
    for (const plugin of neighbours(registered_hooks[hook], name).before) {
      warnings.push(
        `plugin ${plugin} hooks ${hook} before ${name}: list ${name} before it in config/plugins, or ` +
          'messages that it queues are not copied',
      )
    }
  }
  return warnings
}

/** What changes the header that the next plugins see. */
const CHANGES_HEADER = /\.\s*(?:add_header|add_leading_header|remove_header)\b/

/** Plugins behind ours that change the header in a hook in which the copies are written already. */
export function headerWarnings(
  { registered_hooks, registered_plugins }: HookTable,
  name: string,
): string[] {
  return ['queue', 'queue_outbound'].flatMap((hook) => {
    const hooks = registered_hooks[hook] ?? []
    const own = hooks.findIndex(({ plugin }) => plugin === name)
    const behind = own < 0 ? [] : hooks.slice(own + 1)
    const changing = behind.filter(({ plugin, method = '' }) =>
      changesHeader(registered_plugins?.[plugin] ?? {}, method),
    )
    return changing.map(
      ({ plugin }) =>
        `plugin ${plugin} changes the header in ${hook}, behind ${name}: the copies do not have that; ` +
        'let it do so in data_post',
    )
  })
}

/** Whether a plugin's method says so in its text, or one of its own that it calls. */
function changesHeader(plugin: object, method: string, seen = new Set<string>()): boolean {
  if (seen.has(method)) return false
  seen.add(method)
  const text = textOf((plugin as Record<string, unknown>)[method])
  if (CHANGES_HEADER.test(text)) return true
  const called = [...text.matchAll(/\b(?:this|plugin|exports)\.(\w+)\s*\(/g)]
  return called.some(([, own = '']) => changesHeader(plugin, own, seen))
}

function textOf(method: unknown): string {
  return typeof method === 'function' ? Function.prototype.toString.call(method) : ''
}

function neighbours(hooks: readonly { plugin: string }[] | undefined, name: string) {
  const plugins = (hooks ?? []).map(({ plugin }) => plugin)
  const own = plugins.indexOf(name)
  if (own < 0) return { before: [], after: [] }
  return { before: plugins.slice(0, own), after: plugins.slice(own + 1) }
}

/**
 * Plugins of Haraka 3.3.4 that hook `rcpt`, and their methods: those whose files say which domains
 * they accept (haraka/mail-domains.ts), and those that accept none.
 */
const SEEN_ACCEPTING: ReadonlySet<string> = new Set([
  'rcpt_to.in_host_list hook_rcpt',
  'queue/smtp_forward check_recipient',
  'relay dest_domains',
])
const NOT_ACCEPTING: ReadonlySet<string> = new Set(
  `access aliases delay_deny dns-list greylist karma known-senders limit process_title
  record_envelope_addresses tarpit`.split(/\s+/),
)

/** Plugins that may accept mail for domains of which no file tells whether they are relayed for. */
export function recipientWarnings({ registered_hooks }: HookTable, name: string): string[] {
  const others = (registered_hooks['rcpt'] ?? []).filter(
    ({ plugin, method }) =>
      plugin !== name && !NOT_ACCEPTING.has(plugin) && !SEEN_ACCEPTING.has(`${plugin} ${method}`),
  )
  return [...new Set(others.map(({ plugin }) => plugin))].map(
    (plugin) =>
      `plugin ${plugin} hooks rcpt and may accept recipients for whom this server only relays: their ` +
      'mail counts as incoming; name such domains in [main] relayed_domains',
  )
}
