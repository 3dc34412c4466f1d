import { isIP } from 'node:net'
import { asciiDomain } from './address'
import type { FIXED } from './keys'
import type { Problems } from './problems'
import { readValue, type SectionValues } from './section'
import type { StatusPageSettings } from './settings'
import type { SettingsSource } from './source'
import { token as tokenKind } from './kinds'

const SECTION = 'status_page'
type Section = SectionValues<(typeof FIXED)['status_page']>

export function readStatusPage(
  source: Pick<SettingsSource, 'me' | 'environment'>,
  section: Section,
  problems: Problems,
): StatusPageSettings {
  return {
    ...section,
    token: readToken(source, section, problems),
    hosts: new Set(['localhost', source.me.trim().toLowerCase(), ...readHosts(section, problems)]),
  }
}

function readToken(
  { environment }: Pick<SettingsSource, 'environment'>,
  { token, tokenEnv: variable }: Section,
  problems: Problems,
): string | undefined {
  if (variable === undefined) return token
  const place = { section: SECTION, key: 'token_env', value: variable }
  if (token !== undefined) {
    problems.refuse(place, 'must not be set together with token')
    return token
  }
  const given = readValue(environment(variable)?.trim() ?? '', tokenKind)
  if (given.kind === 'value') return given.value
  const isSet = given.kind === 'wrong'
  problems.refuse(place, isSet ? `its value ${given.must}` : 'is not set in the environment')
  return undefined
}

function readHosts({ hosts }: Section, problems: Problems): readonly string[] {
  const place = { section: SECTION, key: 'hosts' }
  const bad = hosts.filter((host) => hostOf(host) === undefined)
  problems.refuseEntries(place, bad, 'must be a host name or an IP address')
  return hosts.flatMap((host) => hostOf(host) ?? [])
}

function hostOf(text: string): string | undefined {
  return isIP(text) ? text.toLowerCase() : asciiDomain(text)
}
