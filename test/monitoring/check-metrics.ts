/**
 * `npm run check:metrics`: the metrics of a real gateway, the alert rules and every query of the
 * dashboard, before Prometheus's own checker.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REASONS } from '../../plugins/tdc/monitor/health'
import { ask } from '../support/http-client'
import { mailAbout } from '../support/mail-path'
import { need } from '../support/needs'
import { startPageGateway } from '../support/page-gateway'
import { repository } from '../support/run'
import { makeTempDir } from '../support/temp-dir'

const FOLDER = join(repository, 'docs', 'monitoring')
const promtool = need('check:metrics', 'promtool', 'prometheus')

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[]
}

async function main(): Promise<void> {
  check(['check', 'metrics'], await metricsOfGateway())
  check(['check', 'rules', 'alerts.yml'])
  check(['test', 'rules', 'alerts.test.yml'])
  check(['test', 'rules', situations()])
  check(['check', 'rules', queriesAsRules()])
}

/**
 * Each reason by itself: failing on one machine and a warning on another, and whoever is called for it; what
 * is over is no alert.
 */
function situations(): string {
  const description =
    'The first lines of haraka-tdc status say what was seen; docs/operations.md what to do.'
  const reasons = Object.keys(REASONS)
  const tests = reasons.flatMap((reason) =>
    [
      {
        value: 2,
        alert: 'TdcFailing',
        severity: 'critical',
        said: 'Copies are lost, or about to be',
      },
      { value: 1, alert: 'TdcWarning', severity: 'warning', said: 'Somebody should look' },
      { value: 0, alert: 'TdcFailing', severity: '', said: '' },
      { value: 0, alert: 'TdcWarning', severity: '', said: '' },
    ].map(({ value, alert, severity, said }) => ({
      interval: '1m',
      input_series: reasons.map((each) => ({
        series: `haraka_tdc_health{instance="mx1",reason="${each}"}`,
        values: `${each === reason ? value : 0}x40`,
      })),
      alert_rule_test: [
        {
          eval_time: '30m',
          alertname: alert,
          exp_alerts:
            value === 0
              ? []
              : [
                  {
                    exp_labels: { severity, instance: 'mx1', reason },
                    exp_annotations: { summary: `${said}: ${reason}`, description },
                  },
                ],
        },
      ],
    })),
  )
  const file = join(makeTempDir('situations'), 'situations.test.yml')
  const rules = { rule_files: [join(FOLDER, 'alerts.yml')], evaluation_interval: '1m', tests }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(rules))
  return file
}

/** After a delivered and a refused copy, so that every metric has a value. */
async function metricsOfGateway(): Promise<string> {
  const { path, httpPort } = await startPageGateway([], { nodes: 2 })
  try {
    await path.send(mailAbout('delivered'))
    await path.copy('delivered')
    path.onCopy = () => Promise.resolve('550 5.7.1 no')
    await path.send(mailAbout('refused'))
    await path.untilQueue((names) => names.length === 0, 'copies wait')
    const { status, body } = await ask(httpPort, '/tdc/metrics')
    if (status !== 200) throw new Error(`/tdc/metrics answers ${status}: ${body}`)
    return body
  } finally {
    await path.close()
  }
}

/** The dashboard's queries as recording rules, which promtool reads; what Grafana fills in, filled in. */
function queriesAsRules(): string {
  const text = readFileSync(join(FOLDER, 'grafana-dashboard.json'), 'utf8')
  const { panels } = JSON.parse(text) as Dashboard
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  if (queries.length === 0) throw new Error('the dashboard asks for nothing')
  const rules = queries.map((expr, at) => ({
    record: `dashboard:${at}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  }))
  const file = join(makeTempDir('rules'), 'dashboard.yml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  return file
}

function check(args: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync(promtool, args, {
    cwd: FOLDER,
    input,
    encoding: 'utf8',
    timeout: 30_000,
  })
  const name = `promtool ${args.slice(0, 2).join(' ')}`
  if (status !== 0) throw new Error(`${name}: status ${status}\n${stdout}${stderr}`)
  console.log(`check:metrics: ${name}: ok`)
}

main().catch((error: Error) => {
  console.error(`check:metrics: ${error.message}`)
  process.exit(1)
})
