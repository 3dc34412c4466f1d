import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SECTIONS } from '../plugins/tdc/settings/keys'
import { problemsOf, settingsOf, sourceOf, warningsOf } from './support/settings-source'

const TEXT = readFileSync(join(__dirname, '..', 'config', 'tdc.ini'), 'utf8')
const LINES = TEXT.split('\n')
const HEADING = /^;?\[([^\]]+)\]$/

/** The lines of one section of the file, its heading commented out or not. */
function linesOf(section: string): readonly string[] {
  const from = LINES.findIndex((line) => HEADING.exec(line)?.[1] === section)
  assert.notEqual(from, -1, `[${section}] is not in config/tdc.ini`)
  const length = LINES.slice(from + 1).findIndex((line) => HEADING.test(line))
  return LINES.slice(from + 1, length < 0 ? undefined : from + 1 + length)
}

/** The comment that stands directly above a line, as one line. */
function commentAbove(lines: readonly string[], index: number): string {
  const comment: string[] = []
  for (let i = index - 1; lines[i]?.startsWith('; '); i--) comment.unshift(lines[i]?.slice(2) ?? '')
  return comment.join(' ')
}

describe('config/tdc.ini', () => {
  it('begins with the line that says where its help is', () => {
    assert.equal(LINES[0], "; tdc.ini, see 'haraka -h tdc'")
  })

  for (const [section, keys] of Object.entries(SECTIONS)) {
    const lines = linesOf(section)
    for (const [name, key] of Object.entries(keys)) {
      it(`holds [${section}] ${name} at its default, with its meaning above it`, () => {
        const index = lines.findIndex((line) => new RegExp(`^;${name}(\\[\\])?=`).test(line))
        assert.notEqual(index, -1)
        assert.equal(lines[index]?.replace('[]=', '='), `;${name}=${key.text}`)
        assert.equal(commentAbove(lines, index), key.meaning)
      })
    }
    it(`holds no key of [${section}] that is not read`, () => {
      const written = lines.flatMap((line) => /^;(\w+)(?:\[\])?=/.exec(line)?.[1] ?? [])
      assert.deepEqual(written, Object.keys(keys))
    })
  }

  it('changes nothing as the defaults below a server of its own file', () => {
    assert.deepEqual(
      Object.values(sourceOf(TEXT).ini).flatMap((section) => Object.keys(section)),
      [],
    )
    assert.deepEqual(warningsOf(TEXT), [])
  })

  it('means the same with every comment sign of a key taken away', () => {
    const fixed = TEXT.slice(0, TEXT.indexOf('[formats]'))
    const taken = fixed.replace(/^;(?=\w+=)/gm, '')
    assert.match(taken, /^max_age=120$/m)
    // The policy table keeps its rows to itself, so it is equal to any other here.
    assert.deepEqual(settingsOf(taken), settingsOf(''))
  })
})

describe('settings of an empty tdc.ini', () => {
  const settings = settingsOf('')

  it('are off, by the cluster, without an intake', () => {
    assert.deepEqual(settings.effective, {
      enabled: false,
      level: 'cluster',
      intake: undefined,
      intakeLevel: undefined,
    })
    assert.deepEqual([...settings.intakeAddresses], [])
    assert.deepEqual([...settings.incoming.own], ['example.org', 'example.net'], 'host_list')
  })

  it('say no to everyone, by DEFAULT', () => {
    assert.deepEqual(settings.policies.match('a@b.example', 'c@d.example'), {
      policy: 'DEFAULT',
      choice: { kind: 'no' },
    })
  })

  it('have the numbers of the specification, in milliseconds', () => {
    assert.deepEqual(settings.delivery, {
      route: undefined,
      port: 25,
      allowPrivate: false,
      helo: undefined,
      localAddress: undefined,
      envelopeFrom: '',
      minConnections: 3,
      maxConnections: 50,
      maxConnectionsTotal: undefined,
      messagesPerConnection: 50,
      window: 8,
      idleTimeout: 5_000,
      retryDelay: 30_000,
      maxAge: 120_000,
      maxAgeCountsDowntime: false,
      timeouts: {
        connect: 30_000,
        greeting: 60_000,
        tls: 30_000,
        command: 60_000,
        data: 60_000,
        final: 100_000,
      },
      tls: {
        verify: true,
        minVersion: 'TLSv1.2',
        ca: undefined,
        client: undefined,
        pins: [],
        names: [],
        mtaSts: true,
        dane: 'auto',
        resolver: undefined,
      },
    })
    assert.equal(settings.main.serviceName, 'Cisco Secure Email Threat Defense')
    assert.equal(settings.main.onJournalFailure, 'accept')
    assert.deepEqual(settings.journal, {
      gateway: undefined,
      from: undefined,
      markerValue: 'journal',
      bareCr: 'as_postfix',
      fallback: false,
      remoteIpHeader: 'X-IronPort-RemoteIP',
    })
    assert.deepEqual(settings.queue, {
      store: 'local',
      replicas: 0,
      writeAhead: 'file',
      prepareTimeout: 15_000,
      minFreeSpace: 104_857_600,
      minFreeInodes: 1000,
      maxCopies: 100_000,
    })
    assert.deepEqual(settings.failed, {
      keep: false,
      replay: 'off',
      keepNumber: 20_000,
      keepBytes: 1_073_741_824,
      keepAge: 604_800_000,
    })
  })

  it('show nothing to anyone', () => {
    assert.deepEqual(settings.statusPage, {
      enabled: false,
      path: '/tdc',
      token: undefined,
      tokenEnv: undefined,
      sessionLength: 43_200_000,
      showAddresses: false,
      hosts: new Set(['localhost', 'mail.example.org']),
    })
  })

  it('share nothing with anyone', () => {
    assert.deepEqual(settings.cluster, {
      redis: false,
      prefix: 'tdc',
      machine: 'mx1',
      shareAddresses: false,
    })
  })

  it('are those of a file in which every key is set to nothing', () => {
    const text = Object.entries(SECTIONS)
      .filter(([section]) => !section.startsWith('group.'))
      .map(([section, keys]) =>
        [`[${section}]`, ...Object.keys(keys).map((name) => `${name}=`)].join('\n'),
      )
      .join('\n')
      .replaceAll('HOSTNAME', 'mx9')
    assert.deepEqual(problemsOf(text), [])
    assert.deepEqual(settingsOf(text).delivery, settings.delivery)
  })
})
