import { queueSettingOf, readStandalone } from '../haraka/standalone-settings'
import { LastGood } from '../cluster/last-good'
import { layered, sharesSettings } from '../cluster/overlay'
import { systemClock } from '../clock'
import { type CheckedDomain, type CheckedHost, checkDomain } from '../delivery/check'
import type { ConnectOptions } from '../delivery/connect'
import { IntakeWays } from '../delivery/intake-ways'
import { type Call, command, EXIT, show, Stop } from './command'
import { systemDisk } from '../queue/disk'
import { diagnose, diagnoseKeyMode, diagnosisText } from '../doctor/doctor'
import { diagnoseRedis } from '../doctor/redis-look'
import { serverUserOf } from '../doctor/server-user'
import { readSettings } from '../settings/read'
import type { Settings } from '../settings/settings'
import type { SettingsSource } from '../settings/source'
import { durationText, momentText } from './moments'
import { satisfiedText } from './satisfied'
import { table } from './terminal'

export const checkCommand = command('check', {
  summary:
    'the settings, what is around them, and every host of every intake up to its EHLO; sends no mail',
  help: [
    'Reads the files as they are now; needs no running server. What machines share is taken as this',
    'one has it ([cluster] redis=true); where settings or copies are shared, Redis is asked too.',
    'Run it as the user that starts Haraka: what that user, and the one of smtp.ini, may not do in the',
    'queue directory, is told with the command that mends it.',
    'Exit code 1: settings refused, no copy could be written, or an intake that no copy could be delivered to.',
  ],
  async run(call) {
    const directory = call.directory()
    const { source, me, queue, smtp, sharedSettingsPath, connectRedis } =
      await readStandalone(directory)
    const result = readSettings(withShared(source, sharedSettingsPath))
    if (result.kind === 'refused') {
      show(call, result, () => ['settings refused:', ...result.problems.map((text) => `  ${text}`)])
      return EXIT.no
    }
    const { settings, warnings } = result
    const { cluster } = settings
    const { store, writeAhead, minFreeSpace } = settings.queue
    const place = {
      directory,
      queue,
      user: serverUserOf(smtp),
      starts: false,
      queueSetting: queueSettingOf(directory),
      writesLog: writeAhead === 'log',
      minFreeSpace,
      now: systemClock.wall(),
    }
    const findings = [...diagnose(place), ...diagnoseKeyMode(directory)]
    if (cluster.redis || store === 'redis') {
      findings.push(...(await diagnoseRedis(connectRedis, store === 'redis', systemClock)))
    }
    const ways = new IntakeWays({
      clock: systemClock,
      reportOf: () => () => {},
      allowsPrivate: () => settings.delivery.allowPrivate,
      me: () => me,
      worker: 0,
    })
    const toCheck = (domain: string) => ways.to(domain, settings.delivery)
    const domains = await checkAll(call, settings.intakes, toCheck)
    const { enabled, level } = settings.effective
    const intakes = settings.intakes.map(({ address }) => address)
    show(call, { enabled, level, warnings, findings, intakes, domains }, () => [
      `settings taken: ${enabled ? 'enabled' : 'disabled'} (${level})`,
      ...warnings.map((text) => `  warning: ${text}`),
      ...findings.map(
        (found) => `  ${found.grave ? 'PROBLEM' : 'warning'}: ${diagnosisText(found)}`,
      ),
      ...(intakes.length === 0 ? ['no intake address is set'] : []),
      ...domains.flatMap((domain) => ['', ...domainText(domain)]),
    ])
    const isWell = domains.every(isReachable) && !findings.some(({ grave }) => grave)
    return isWell ? EXIT.ok : EXIT.no
  },
})

function withShared(source: SettingsSource, path: string): SettingsSource {
  if (!sharesSettings(source)) return source
  const kept = new LastGood(path, systemDisk).read()
  if (kept.kind === 'unreadable') throw new Stop(EXIT.no, `${path} cannot be used: ${kept.why}`)
  return layered(source, kept.document.entries)
}

async function checkAll(
  { terminal }: Pick<Call, 'terminal'>,
  intakes: Settings['intakes'],
  toCheck: (domain: string) => ConnectOptions,
): Promise<CheckedDomain[]> {
  const domains: CheckedDomain[] = []
  for (const domain of new Set(intakes.map((intake) => intake.domain))) {
    terminal.progress(`${domain}: looking for its hosts`)
    domains.push(
      await checkDomain(toCheck(domain), ({ name, address }) =>
        terminal.progress(`${domain}: ${name} [${address}]`),
      ),
    )
  }
  return domains
}

function isReachable({ hosts }: CheckedDomain): boolean {
  return hosts.some(({ problem }) => problem === null)
}

function domainText(domain: CheckedDomain): string[] {
  if (domain.problem !== null) return [`${domain.domain}: ${domain.problem}`]
  return [`${domain.domain}:`, ...domain.hosts.flatMap(hostText)]
}

function hostText({ name, address, port, tls, dane, offers, problem }: CheckedHost): string[] {
  const rows: [string, string][] = [['    DANE', dane]]
  if (tls) {
    rows.push(['    TLS', [tls.protocol, tls.cipher, tls.group ?? ''].join(' ').trim()])
    rows.push(['    Certificate', certificateText(tls.certificateEnd, tls.issuer)])
    rows.push(['    Satisfied', satisfiedText(tls.satisfied)])
  }
  if (problem === null) rows.push(['    EHLO', offers.join(', ') || 'no extensions'])
  else rows.push(['    Problem', problem])
  return [`  ${name} [${address}]:${port} ${problem === null ? 'ok' : 'FAILED'}`, ...table(rows)]
}

function certificateText(end: number | null, issuer: string): string {
  if (end === null) return `by ${issuer}`
  return `until ${momentText(end)} (${durationText(end - systemClock.wall())}), by ${issuer}`
}
