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
import { readSection, sortSections, type Values } from './section'
import type { DeliverySettings, ReadResult, Settings } from './settings'
import { readStatusPage } from './status-page'
import { readClientCertificate, readTrustedRoots } from './tls-files'

/** What the sections of one fixed name say. */
type Fixed = { readonly [S in keyof typeof FIXED]: Values<(typeof FIXED)[S]> }

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
  const { main, journal, queue, failed } = fixed
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
    intake: intakes.read('main', main.intake_address),
    shared: sharedIn('main', source),
  }
  const named = { ...source, hostname: fixed.cluster.machine ?? source.hostname }
  const { groups, machines, self, names } = readLevels(named, sections, intakes, problems)
  const machineDisableSpreads = main.machine_disable_spreads
  const levels = { cluster, groups, machines, machineDisableSpreads }
  const effective = resolveLevels(levels, self)
  const policies = readPolicies(
    source.readList,
    sections,
    main.policy_order ?? [],
    intakes,
    problems,
  )
  const delivery = readDelivery(source, fixed, problems)

  reviewIntakes(effective, policies, intakes, problems)
  warnOfUnreachable(policies, problems)
  warnOfUnusedFormats(formats, intakes.addresses, problems)
  reviewDelivery(delivery, source.untrustedDns, problems)
  return {
    effective,
    machines: new Machines(levels, names),
    serviceName: main.service_name,
    onJournalFailure: main.on_journal_failure,
    store: queue.store,
    replicas: queue.replicas,
    writeAhead: queue.write_ahead,
    prepareTimeout: queue.prepare_timeout,
    incoming,
    policies: new OrderedPolicies(policies.ordered, policies.otherwise, main.recipient_delimiter),
    intakes: intakes.all,
    intakeAddresses: intakes.addresses,
    delivery,
    journal: {
      gateway: journal.gateway,
      from: journal.from,
      markerValue: journal.marker_value,
      remoteIpHeader: journal.remote_ip_header,
      bareCr: journal.bare_cr,
      fallback: journal.fallback,
    },
    limits: {
      minFreeSpace: queue.min_free_space,
      minFreeInodes: queue.min_free_inodes,
      maxCopies: queue.max_copies,
    },
    failed: {
      keep: failed.keep,
      replay: failed.replay,
      number: failed.keep_number,
      bytes: failed.keep_bytes,
      age: failed.keep_age,
    },
    unless: readUnless(fixed.clean.unless ?? [], problems),
    track: fixed.monitor.track,
    statusPage: readStatusPage(source, fixed.status_page, problems),
    cluster: {
      redis: fixed.cluster.redis,
      prefix: fixed.cluster.prefix,
      machine: self ?? ownName(named.hostname),
      shareAddresses: fixed.cluster.share_addresses,
    },
  }
}

function readIncoming(
  source: SettingsSource,
  main: Fixed['main'],
  problems: Problems,
): IncomingDomains {
  const section = 'main'
  const file = main.incoming_domains_file
  const inFile = { section, key: 'incoming_domains_file', value: file }
  const written = main.incoming_domains ?? []
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
      ...readDomains(main.relayed_domains ?? [], { section, key: 'relayed_domains' }, problems),
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
  return {
    route: delivery.route,
    port: delivery.port,
    allowPrivate: delivery.allow_private,
    helo: delivery.helo,
    localAddress: delivery.local_address,
    envelopeFrom: delivery.envelope_from ?? '',
    minConnections: delivery.min_connections,
    maxConnections: delivery.max_connections,
    maxConnectionsTotal: delivery.max_connections_total,
    messagesPerConnection: delivery.messages_per_connection,
    window: delivery.window,
    idleTimeout: delivery.idle_timeout,
    retryDelay: delivery.retry_delay,
    maxAge: delivery.max_age,
    maxAgeCountsDowntime: delivery.max_age_counts_downtime,
    timeouts,
    tls: {
      verify: tls.verify,
      minVersion: tls.min_version,
      ca: readTrustedRoots(source.readFile, tls.ca_file, problems),
      client: readClientCertificate(source.readFile, tls, problems),
      pins: tls.pin ?? [],
      names: tls.names ?? [],
      mtaSts: tls.mta_sts,
      dane: tls.dane,
      resolver: tls.resolver,
    },
  }
}
