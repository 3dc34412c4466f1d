import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exposition } from '../plugins/tdc/web/metrics'
import { FIGURES, statusWith } from './support/status'
import { repository } from './support/run'

const DOCS = join(repository, 'docs')

/** `# TYPE` lines: name without the prefix -> type. */
function typesIn(text: string): Map<string, string> {
  const types = [...text.matchAll(/^# TYPE haraka_tdc_(\w+) (\w+)$/gm)]
  return new Map(types.map(([, name = '', type = '']) => [name, type]))
}

/** Labels that samples of a metric have. */
function labelsIn(text: string, name: string): string[] {
  const sample = new RegExp(`^haraka_tdc_${name}(?:_bucket)?\\{(.*)\\} `, 'gm')
  const all = [...text.matchAll(sample)].flatMap(([, labels = '']) =>
    [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
  )
  return [...new Set(all)].sort()
}

describe('the metrics', () => {
  let text: string
  before(async () => {
    text = await exposition(statusWith())
  })

  it('are those that docs/monitoring.md lists, with their types and labels', () => {
    const rows = readFileSync(join(DOCS, 'monitoring.md'), 'utf8')
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter(([, , type]) => ['gauge', 'counter', 'histogram'].includes(type ?? ''))
    const listed = rows.map(([, name = '', type, labels = '']) => [
      name.replaceAll('`', ''),
      type,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).sort(),
    ])
    const real = [...typesIn(text)].map(([name, type]) => [name, type, labelsIn(text, name)])
    const byName = (a: unknown[], b: unknown[]) => String(a[0]).localeCompare(String(b[0]))
    assert.deepEqual(listed.sort(byName), real.sort(byName))
  })

  it('are all that the alerts and the dashboard ask for', () => {
    const known = typesIn(text)
    for (const file of ['monitoring/alerts.yml', 'monitoring/grafana-dashboard.json']) {
      const asked = readFileSync(join(DOCS, file), 'utf8').matchAll(/haraka_tdc_(\w+)/g)
      const names = [...asked].map(([, name = '']) => name.replace(/_bucket$/, ''))
      assert.ok(names.length >= 5, file)
      assert.deepEqual(
        names.filter((name) => !known.has(name)),
        [],
        file,
      )
    }
  })

  it('are no sums while a worker is missing: its counters would seem to begin anew', async () => {
    const part = await exposition(statusWith({ silent: [{ worker: 2, pid: 12 }] }))
    assert.deepEqual(
      [...typesIn(part)].filter(([, type]) => type !== 'gauge'),
      [],
    )
    assert.doesNotMatch(part, /^haraka_tdc_(?:queue|intake|kept|connections)/m)
    assert.match(part, /^haraka_tdc_health\{reason="worker-silent"\} 1$/m)
  })

  it('count each copy once', () => {
    const of = (result: string) =>
      Number(
        new RegExp(
          `messages_total\\{intake_domain="scan.example",result="${result}"\\} (\\d+)`,
        ).exec(text)?.[1],
      )
    // Two intakes of one domain have these figures.
    const { delivered, hardBounced, softBounced } = FIGURES
    assert.equal(of('delivered'), 2 * delivered)
    assert.equal(of('soft_bounced'), 2 * softBounced)
    assert.equal(of('hard_bounced') + of('tls_error') + of('expired'), 2 * hardBounced)
  })

  it('have seconds, and cumulative buckets', () => {
    for (const line of [
      'haraka_tdc_queue_oldest_age_seconds 12.5',
      'haraka_tdc_time_in_queue_seconds_bucket{le="0.1"} 5',
      'haraka_tdc_time_in_queue_seconds_bucket{le="0.25"} 9',
      'haraka_tdc_time_in_queue_seconds_bucket{le="120"} 15',
      'haraka_tdc_time_in_queue_seconds_bucket{le="+Inf"} 16',
      'haraka_tdc_time_in_queue_seconds_sum 130',
      'haraka_tdc_time_in_queue_seconds_count 16',
    ]) {
      assert.ok(text.split('\n').includes(line), line)
    }
  })

  it('stay few, however many intakes somebody invents', async () => {
    const names = Array.from({ length: 900 }, (_, at) => `x${at}.example`)
    const intakes = names.map((domain) => [`journal@${domain}`, { ...FIGURES, domain }] as const)
    const many = await exposition(statusWith({ intakes: Object.fromEntries(intakes) }))
    const domains = new Set([...many.matchAll(/intake_domain="([^"]+)"/g)].map(([, d]) => d))
    assert.equal(domains.size, 101)
    assert.match(many, new RegExp(`"others",result="delivered"} ${800 * FIGURES.delivered}`))
  })

  it('hold what a domain has in it without breaking the format', async () => {
    const domain = 'a"b\\c\nd'
    const intakes = { x: { ...FIGURES, domain } }
    const text = await exposition(statusWith({ intakes }))
    assert.match(text, /intake_domain="a\\"b\\\\c\\nd"/)
  })
})
