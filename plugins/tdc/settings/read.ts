import { IncomingDomains, knownDomains, readDomains } from './incoming'
import { type CleanRule, parseCleanRule } from './clean-rules'
import { IntakeBook, readFormats, warnOfUnusedFormats } from './intake'
import { FIXED } from './keys'
import { listLines, type SettingsSource } from './source'
import { Machines, readLevels, resolveLevels, sharedIn } from './levels'
import { OrderedPolicies, readPolicies } from './policies'
import { Problems, shown } from './problems'
import { ownName } from './machine-names'
import {
  reviewDelivery,
  reviewIntakes,
  reviewOverlooked,
  warnOfOutgoing,
  warnOfUnreachable,
} from './review'
import { readSection, type SectionValues, sortSections } from './section'
import type { DeliverySettings, ReadResult, Settings } from './settings'
import { readStatusPage } from './status-page'
import { readClientCertificate, readTrustedRoots } from './tls-files'

/** What the sections of one fixed name say. */
type Fixed = { readonly [S in keyof typeof FIXED]: SectionValues<(typeof FIXED)[S]> }

/** config/tdc.ini -> settings, or all that is wrong with it. Never throws. */
export function readSettings(source: SettingsSource): ReadResult {
  if (source.unreadable !== undefined) {
    return { kind: 'refused', problems: [`tdc.ini cannot be read: ${shown(source.unreadable)}`] }
  }
  const problems = new Problems(source.isShared)
  const settings = read(source, problems)
  return problems.sentences.length > 0
    ? { kind: 'refused', problems: problems.sentences }
    : { kind: 'settings', settings, warnings: problems.warnings }
}

function read(source: SettingsSource, problems: Problems): Settings {
  const sections = sortSections(source, problems)
  reviewOverlooked(source.overlooked, problems)
  const section = <S extends keyof typeof FIXED>(name: S) =>
    readSection(name, sections.fixed(name), FIXED[name], problems)
  const fixed: Fixed = {
    main: section('main'),
    delivery: section('delivery'),
    timeouts: section('timeouts'),
    tls: section('tls'),
    journal: section('journal'),
    queue: section('queue'),
    failed: section('failed'),
    clean: section('clean'),
    monitor: section('monitor'),
    status_page: section('status_page'),
    cluster: section('cluster'),
  }
  const { main, journal, queue, failed, monitor } = fixed
  if (failed.replay === 'auto' && !failed.keep) {
    problems.warn(
      { section: 'failed', key: 'replay', value: failed.replay },
      'nothing is kept that could be replayed; set keep=true',
    )
  }
  const incoming = readIncoming(source, main, problems)
  const formats = readFormats(sections.fixed('formats'), problems)

  const intakes = new IntakeBook(
    { format: main.format, formats, ownDomains: incoming.own },
    problems,
  )

  const cluster = {
    enabled: main.enabled,
    intake: intakes.read('main', main.intakeAddress),
    shared: sharedIn('main', source),
  }
  const named = { ...source, hostname: fixed.cluster.machine ?? source.hostname }
  const { groups, machines, self, names } = readLevels(named, sections, intakes, problems)
  const machineDisableSpreads = main.machineDisableSpreads
  const levels = { cluster, groups, machines, machineDisableSpreads }
  const effective = resolveLevels(levels, self)
  const policies = readPolicies(source.readList, sections, main.policyOrder, intakes, problems)
  const delivery = readDelivery(source, fixed, problems)

  reviewIntakes(effective, policies, intakes, problems)
  warnOfUnreachable(policies, problems)
  warnOfUnusedFormats(formats, intakes.addresses, problems)
  reviewDelivery(delivery, source.untrustedDns, problems)
  return {
    effective,
    machines: new Machines(levels, names),
    incoming,
    policies: new OrderedPolicies(policies.ordered, policies.otherwise, main.recipientDelimiter),
    intakes: intakes.all,
    intakeAddresses: intakes.addresses,
    delivery,
    ...{ main, journal, queue, failed, monitor },
    unless: readUnless(fixed.clean.unless, problems),
    statusPage: readStatusPage(source, fixed.status_page, problems),
    cluster: { ...fixed.cluster, machine: self ?? ownName(named.hostname) },
  }
}

function readIncoming(
  source: SettingsSource,
  main: Fixed['main'],
  problems: Problems,
): IncomingDomains {
  const section = 'main'
  const file = main.incomingDomainsFile
  const inFile = { section, key: 'incoming_domains_file', value: file }
  const written = main.incomingDomains
  const lines = listLines(source.readList, file, inFile, problems)
  const { received, patterns, relayed } = source.domains
  const incoming = new IncomingDomains(
    new Set([
      ...knownDomains(received),
      ...readDomains(written, { section, key: 'incoming_domains' }, problems),
      ...readDomains(lines, inFile, problems),
    ]),
    hostPattern(patterns, problems),
    new Set([
      ...relayed,
      ...readDomains(main.relayedDomains, { section, key: 'relayed_domains' }, problems),
    ]),
  )
  warnOfOutgoing(incoming, problems)
  return incoming
}

function readUnless(entries: readonly string[], problems: Problems): readonly CleanRule[] {
  const bad = entries.filter((entry) => parseCleanRule(entry) === undefined)
  const must =
    'must be PLUGIN.RESULT, and then nothing, = or != and a value, or < > <= >= and a number'
  problems.refuseEntries({ section: 'clean', key: 'unless' }, bad, must)
  return entries.flatMap((entry) => parseCleanRule(entry) ?? [])
}

/** As rcpt_to.in_host_list makes it (plugins/rcpt_to.host_list_base.js). */
function hostPattern(patterns: readonly string[], problems: Problems): RegExp | undefined {
  if (patterns.length === 0) return undefined
  try {
    return new RegExp(`^(?:${patterns.join('|')})$`, 'i')
  } catch (error) {
    const why = shown((error as Error).message)
    const place = { section: 'main', key: 'incoming_domains' }
    problems.warn(place, `host_list_regex is not counted among them: ${why}`)
    return undefined
  }
}

function readDelivery(
  source: SettingsSource,
  { delivery, timeouts, tls }: Fixed,
  problems: Problems,
): DeliverySettings {
  const { caFile, clientCertificate, clientKey, pin, ...plain } = tls
  return {
    ...delivery,
    timeouts,
    tls: {
      ...plain,
      ca: readTrustedRoots(source.readFile, caFile, problems),
      client: readClientCertificate(source.readFile, { clientCertificate, clientKey }, problems),
      pins: pin,
    },
  }
}
