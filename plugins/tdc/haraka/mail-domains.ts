import type { MailDomains } from '../settings/source'

/** Files of the server, beside tdc.ini, that say which domains its mail is for. */
export const DOMAIN_FILES = [
  'host_list',
  'host_list_regex',
  'smtp_forward.ini',
  'plugins',
  'relay.ini',
  'relay_dest_domains.ini',
] as const

type ReadText = (name: (typeof DOMAIN_FILES)[number]) => string

/** Sections of smtp_forward.ini that are about no domain. */
const NO_DOMAINS: ReadonlySet<string> = new Set(['main', 'tls'])

/** As haraka-config's own parser reads a line and a truth (lib/regex.js). */
const HEADING = /^\s*\[([^\]]*)\]\s*$/
const PARAMETER = /^\s*([\w@:._+\-/[\]]+)\s*=\s*(.*?)\s*$/
const TRUE = /^(?:true|yes|ok|enabled|on|1)$/i

/** What those files say; the text of one that is not there is empty. */
export function mailDomains(read: ReadText): MailDomains {
  return {
    received: [...listed(read('host_list')), ...forwarded(read('smtp_forward.ini'))],
    patterns: listed(read('host_list_regex')),
    relayed: relayed(read),
  }
}

function listed(text: string): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'))
}

/** The domains with a next hop of their own, which queue/smtp_forward also accepts mail for. */
function forwarded(text: string): string[] {
  const headings = text.split(/\r\n|\r|\n/).flatMap((line) => HEADING.exec(line)?.[1]?.trim() ?? [])
  return headings.filter((heading) => !NO_DOMAINS.has(heading))
}

/** What the relay plugin, if it is in use with dest_domains, relays for (haraka-plugin-relay 1.x). */
function relayed(read: ReadText): string[] {
  if (!listed(read('plugins')).some((name) => /^(?:haraka-plugin-)?relay$/.test(name))) return []
  const wanted = values(read('relay.ini'), 'relay').get('dest_domains') ?? ''
  if (!TRUE.test(wanted)) return []
  const domains = [...values(read('relay_dest_domains.ini'), 'domains')]
  return domains.flatMap(([domain, route]) => (acceptedBy(route) ? [domain] : []))
}

/** `{"action": "accept"}` or `continue`; with anything else its recipients are refused. */
function acceptedBy(route: string): boolean {
  try {
    const { action } = JSON.parse(route) as { action?: unknown }
    return action === 'accept' || action === 'continue'
  } catch {
    return false
  }
}

function values(text: string, wanted: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let section = 'main'
  for (const line of listed(text)) {
    section = HEADING.exec(line)?.[1]?.trim() ?? section
    const [, key, value] = PARAMETER.exec(line) ?? []
    if (section === wanted && key !== undefined && value !== undefined) found.set(key, value)
  }
  return found
}
