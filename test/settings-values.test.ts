import assert from 'node:assert/strict'
import { untrustedDns as untrustedDnsOf } from '../plugins/tdc/base/dns-servers'
import { rootCertificates } from 'node:tls'
import type { Settings } from '../plugins/tdc/settings/settings'
import { problemsOf, settingsOf, warningsOf } from './support/settings-source'

/** The domains of the test's host_list, which are incoming before all others. */
const HOST_LIST = 2
/** localhost and config/me come before the hosts of [status_page]. */
const OWN_HOSTS = 2

/** 32 octets of ones, in base64. */
const PIN = Buffer.alloc(32, 0xff).toString('base64')

type Row = readonly [text: string, value: (settings: Settings) => unknown, expected: unknown]

const ACCEPTED: readonly Row[] = [
  [
    '[delivery]\nroute=lab.example:2525',
    (s) => s.delivery.route,
    { host: 'lab.example', port: 2525 },
  ],
  [
    '[delivery]\nroute=[2001:db8::1]:25',
    (s) => s.delivery.route,
    { host: '2001:db8::1', port: 25 },
  ],
  ['[delivery]\nroute=192.0.2.1:25', (s) => s.delivery.route, { host: '192.0.2.1', port: 25 }],
  ['[delivery]\nroute=Bücher.example:1', (s) => s.delivery.route?.host, 'xn--bcher-kva.example'],
  ['[delivery]\nhelo=[192.0.2.1]', (s) => s.delivery.helo, '[192.0.2.1]'],
  ['[delivery]\nlocal_address=::1', (s) => s.delivery.localAddress, '::1'],
  ['[delivery]\nenvelope_from=<>', (s) => s.delivery.envelopeFrom, ''],
  ['[delivery]\nenvelope_from=tdc@Mx.Example', (s) => s.delivery.envelopeFrom, 'tdc@mx.example'],
  ['[delivery]\nidle_timeout=0', (s) => s.delivery.idleTimeout, 0],
  ['[delivery]\nmax_age_counts_downtime=Yes', (s) => s.delivery.maxAgeCountsDowntime, true],
  ['[delivery]\nmax_age_counts_downtime=1', (s) => s.delivery.maxAgeCountsDowntime, true],
  ['[tls]\nmin_version=tlsv1.3', (s) => s.delivery.tls.minVersion, 'TLSv1.3'],
  [`[tls]\npin=sha256//${PIN}`, (s) => s.delivery.tls.pins, [PIN]],
  [
    `[tls]\npin=sha256//${PIN};sha256//${PIN},${'0A'.repeat(32)}`,
    (s) => s.delivery.tls.pins,
    [PIN, PIN, Buffer.alloc(32, 0x0a).toString('base64')],
  ],
  [`[tls]\npin[]=${'ff'.repeat(32)}`, (s) => s.delivery.tls.pins, [PIN]],
  [
    '[tls]\nnames=*.Scan.example, bücher.example',
    (s) => s.delivery.tls.names,
    ['*.scan.example', 'xn--bcher-kva.example'],
  ],
  ['[tls]\nmta_sts=off', (s) => s.delivery.tls.mtaSts, false],
  ['[main]\nservice_name=7', (s) => s.main.serviceName, '7'],
  ['[main]\nservice_name=Überwachung', (s) => s.main.serviceName, 'Überwachung'],
  ['[main]\non_journal_failure=tempfail', (s) => s.main.onJournalFailure, 'tempfail'],
  [
    '[main]\nincoming_domains=A.example, bücher.example,',
    (s) => [...s.incoming.own].slice(HOST_LIST),
    ['a.example', 'xn--bcher-kva.example'],
  ],
  ['[journal]\nremote_ip_header=off', (s) => s.journal.remoteIpHeader, undefined],
  ['[journal]\nremote_ip_header=X-Client', (s) => s.journal.remoteIpHeader, 'X-Client'],
  ['[journal]\nmarker_value=empty', (s) => s.journal.markerValue, ''],
  ['[journal]\ngateway=MX1.example', (s) => s.journal.gateway, 'mx1.example'],
  ['[journal]\nfrom=j@mx.example', (s) => s.journal.from, 'j@mx.example'],
  ['[journal]\nfrom="J, R" <j@mx.example>', (s) => s.journal.from, '"J, R" <j@mx.example>'],
  [
    '[journal]\nfrom=Mail Journal <j@mx.example>',
    (s) => s.journal.from,
    'Mail Journal <j@mx.example>',
  ],
  ['[queue]\nprepare_timeout=20', (s) => s.queue.prepareTimeout, 20_000],
  ['[queue]\nmin_free_space=0', (s) => s.queue.minFreeSpace, 0],
  ['[queue]\nmin_free_space=5g', (s) => s.queue.minFreeSpace, 5 * 2 ** 30],
  ['[failed]\nkeep=yes', (s) => s.failed.keep, true],
  ['[failed]\nkeep_bytes=2KB', (s) => s.failed.keepBytes, 2048],
  ['[failed]\nkeep_age=60', (s) => s.failed.keepAge, 60_000],
  ['[status_page]\npath=/mail/tdc', (s) => s.statusPage.path, '/mail/tdc'],
  ['[status_page]\ntoken=p4ssw0rd-and-more;#=', (s) => s.statusPage.token, 'p4ssw0rd-and-more;#='],
  [
    '[status_page]\nhosts=MX.Example, 192.0.2.1,2001:DB8::1',
    (s) => [...s.statusPage.hosts].slice(OWN_HOSTS),
    ['mx.example', '192.0.2.1', '2001:db8::1'],
  ],
]

/** One line of tdc.ini, and the one sentence that refuses it. */
const REFUSED: readonly (readonly [text: string, sentence: string])[] = [
  [
    '[delivery]\nmax_age=0',
    'tdc.ini [delivery] max_age=0: must be a number of seconds from 1 to 86400',
  ],
  ...['-1', '1.5G', '1T', '1234567890', 'M'].map(
    (value) =>
      [
        `[failed]\nkeep_bytes=${value}`,
        `tdc.ini [failed] keep_bytes=${value}: must be a number of at most 9 digits: bytes, or K, M or G as 100M`,
      ] as const,
  ),
  [
    '[delivery]\nmax_age=1.5',
    'tdc.ini [delivery] max_age=1.5: must be a number of seconds from 1 to 86400',
  ],
  [
    '[delivery]\nmax_age=-1',
    'tdc.ini [delivery] max_age=-1: must be a number of seconds from 1 to 86400',
  ],
  [
    '[delivery]\nmax_age=2m',
    'tdc.ini [delivery] max_age=2m: must be a number of seconds from 1 to 86400',
  ],
  [
    '[delivery]\nmax_age',
    'tdc.ini [delivery] max_age: has no "=" and no value; it must be a number of seconds from 1 to 86400',
  ],
  [
    '[delivery]\nport[]=25\nport[]=26',
    'tdc.ini [delivery] port=25, 26: must be one value, not a list (key[]=); it must be a whole number from 1 to 65535',
  ],
  [
    '[delivery]\nport=65536',
    'tdc.ini [delivery] port=65536: must be a whole number from 1 to 65535',
  ],
  [
    '[delivery]\nmin_connections=9\nmax_connections=8',
    'tdc.ini [delivery] min_connections=9: must not be more than max_connections=8',
  ],
  ...['lab.example', 'lab:0', '2001:db8::1:25', '[lab]:25', '[192.0.2.1]:25', ':25'].map(
    (value) =>
      [
        `[delivery]\nroute=${value}`,
        `tdc.ini [delivery] route=${value}: must be host:port, the port from 1 to 65535, an IPv6 address in brackets`,
      ] as const,
  ),
  ['[delivery]\nhelo=-x', 'tdc.ini [delivery] helo=-x: must be a host name or an address literal'],
  ['[delivery]\nlocal_address=lo', 'tdc.ini [delivery] local_address=lo: must be an IP address'],
  [
    '[delivery]\nenvelope_from=tdc',
    'tdc.ini [delivery] envelope_from=tdc: must be an address user@domain, or <> for none',
  ],
  ['[tls]\nverify=maybe', 'tdc.ini [tls] verify=maybe: must be true or false'],
  ['[tls]\nmin_version=TLSv1.1', 'tdc.ini [tls] min_version=TLSv1.1: must be TLSv1.2 or TLSv1.3'],
  ['[tls]\nca_file=x.pem', 'tdc.ini [tls] ca_file=x.pem: the file cannot be read: ENOENT'],
  ...['sha256//YQ==', PIN, `sha1//${PIN}`, 'ff', `sha256//${PIN},x`].map(
    (value) =>
      [
        `[tls]\npin=${value}`,
        `tdc.ini [tls] pin=${value}: must be sha256// and 44 characters of base64, or 64 hex digits`,
      ] as const,
  ),
  ...['*', '*.', '*.*.example', 'mx.*.example', 'a b', 'ok.example,192.0.2.1'].map(
    (value) =>
      [
        `[tls]\nnames=${value}`,
        `tdc.ini [tls] names=${value}: must be host names, or *. and a host name`,
      ] as const,
  ),
  [
    '[main]\nservice_name=a\u0007b\u202e',
    'tdc.ini [main] service_name=a?b?: must be text of at most 100 characters',
  ],
  [
    '[main]\nincoming_domains=a.example,b c.example,127.1',
    'tdc.ini [main] incoming_domains: the entry b c.example must be a domain|tdc.ini [main] incoming_domains: the entry 127.1 must be a domain',
  ],
  [
    '[main]\nincoming_domains_file=gone',
    'tdc.ini [main] incoming_domains_file=gone: the file cannot be read: ENOENT',
  ],
  [
    '[main]\nincoming_domains_file=../in',
    'tdc.ini [main] incoming_domains_file=../in: must be the name of a file in config/, or a whole path',
  ],
  ...['Subject', 'X Client', 'X-Client:', 'X-Clïent', 'dkim-signature'].map(
    (value) =>
      [
        `[journal]\nremote_ip_header=${value}`,
        `tdc.ini [journal] remote_ip_header=${value}: must be the name of a header field that the message itself does not need, or off`,
      ] as const,
  ),
  ...[
    'J',
    'Jörn <j@mx.example>',
    'J <j@mx.example',
    'J, R <j@mx.example>',
    'j@bücher.example',
    '<j@mx.example> x',
  ].map(
    (value) =>
      [
        `[journal]\nfrom=${value}`,
        `tdc.ini [journal] from=${value}: must be, in ASCII, user@domain or a name (in quotes unless it is of plain words) and <user@domain>`,
      ] as const,
  ),
  [
    '[journal]\nmarker_value=jä',
    'tdc.ini [journal] marker_value=jä: must be printable ASCII of at most 100 characters, or the word empty',
  ],
  [
    '[formats]\nscan=bcc',
    'tdc.ini [formats] scan=bcc: the key must be an intake address user@domain',
  ],
  [
    '[formats]\ns@x.example=wrapped',
    'tdc.ini [formats] s@x.example=wrapped: must be journal or bcc',
  ],
  [
    '[formats]\ns@x.example=bcc\nS@X.example=journal',
    'tdc.ini [formats] S@X.example=journal: s@x.example stands twice',
  ],
  ...['/', '/tdc/', 'tdc', '/a//b', '/a/../b', '/a b', '/ä', '//evil.example'].map(
    (value) =>
      [
        `[status_page]\npath=${value}`,
        `tdc.ini [status_page] path=${value}: must begin with / and be of letters, digits, - . _ ~ and single slashes, such as /tdc`,
      ] as const,
  ),
  [
    '[status_page]\nhosts=mx.example,http://mx,mx:8080',
    'tdc.ini [status_page] hosts: the entry http://mx must be a host name or an IP address|tdc.ini [status_page] hosts: the entry mx:8080 must be a host name or an IP address',
  ],
  [
    '[status_page]\ntoken_env=A-B',
    'tdc.ini [status_page] token_env=A-B: must be the name of an environment variable',
  ],
]

const UNKNOWN: readonly (readonly [text: string, sentence: string])[] = [
  [
    '[delivery]\nmax_agee=5',
    'tdc.ini [delivery] max_agee=5: there is no such key here; max_age was meant?',
  ],
  [
    '[main]\nmax_age=5',
    'tdc.ini [main] max_age=5: there is no such key here; it belongs to [delivery]',
  ],
  [
    '[policy.DEFAULT]\nsenders=any',
    'tdc.ini [policy.DEFAULT] senders=any: there is no such key here; it belongs to [policy.NAME]',
  ],
  ['[main]\ntoString=5', 'tdc.ini [main] toString=5: there is no such key here'],
  ['[delivry]', 'tdc.ini [delivry]: there is no such section; [delivery] was meant?'],
  ['[Machine.mx1]', 'tdc.ini [Machine.mx1]: there is no such section; [machine.mx1] was meant?'],
  ['[smtp]\nport=1', 'tdc.ini [smtp]: there is no such section'],
  ['[policy.]', 'tdc.ini [policy.]: must have a name of 1 to 64 characters'],
  ['[tls]\n[tls]', 'tdc.ini [tls]: stands 2 times; it must stand once'],
]

describe('a value of tdc.ini', () => {
  for (const [text, value, expected] of ACCEPTED) {
    it(`${text.replace('\n', ' ')} is accepted`, () =>
      assert.deepEqual(value(settingsOf(text)), expected))
  }
  for (const [text, sentences] of [...REFUSED, ...UNKNOWN]) {
    it(`${text.replaceAll('\n', ' ')} is refused`, () =>
      assert.deepEqual(problemsOf(text), sentences.split('|')))
  }

  it('is not the only one to be named: all problems come at once', () => {
    assert.equal(problemsOf('[delivery]\nport=x\nmax_age=x\n[tls]\nverify=x\n[nope]').length, 4)
  })

  it('is refused in a section that the parser leaves out', () => {
    assert.deepEqual(problemsOf('', { headings: ['__proto__'] }), [
      'tdc.ini [__proto__]: there is no such section',
    ])
  })

  it('is refused on a line that the parser passes over, whose rest may be a secret', () => {
    assert.deepEqual(problemsOf('\n[status_page]\nmy token=0123456789abcdef\n'), [
      'tdc.ini [status_page]: line 3, my ..., is neither a [section] nor key=value nor a comment',
    ])
  })

  it('is refused in a file of another encoding, whose lines are not told one by one', () => {
    const utf16 = Buffer.from('\ufeff[main]\n'.repeat(9), 'utf16le').toString('utf8')
    const sentences = problemsOf(utf16)
    assert.equal(sentences.length, 6)
    assert.equal(sentences[5], 'tdc.ini [main]: 5 more lines are; is the file UTF-8 text?')
  })

  it('is doubted when the key stands twice, for the last one counts', () => {
    assert.deepEqual(warningsOf('[main]\nenabled=false\n;enabled=false\nenabled=no\n'), [
      'tdc.ini [main]: enabled stands there more than once; the last one counts',
    ])
  })

  it('may go on over lines that end with a backslash', () => {
    assert.equal(settingsOf('[main]\nservice_name=Scan \\\nNight\n').main.serviceName, 'Scan Night')
  })

  it('is cut in the sentence when it is long', () => {
    const [sentence = ''] = problemsOf(`[tls]\nverify=${'x'.repeat(5000)}`)
    assert.equal(sentence.length, `tdc.ini [tls] verify=...: must be true or false`.length + 100)
  })
})

describe('the token of the status page', () => {
  const MUST = 'must be 16 to 200 printable ASCII characters without spaces, not only digits'
  const environment = (name: string) =>
    ({ GOOD: 'from-the-environment', SHORT: 'secret', EMPTY: '' })[name]

  for (const value of ['secret', '1234567890123456789', 'two words of twenty', 'ä'.repeat(20)]) {
    it(`${value} is refused, and not repeated`, () =>
      assert.deepEqual(problemsOf(`[status_page]\ntoken=${value}`), [
        `tdc.ini [status_page] token: ${MUST}`,
      ]))
  }

  it('is not repeated in the wrong section', () => {
    assert.deepEqual(problemsOf('[main]\ntoken=a-token-of-mine-0'), [
      'tdc.ini [main] token: there is no such key here; it belongs to [status_page]',
    ])
  })

  it('comes from the environment', () => {
    const { statusPage } = settingsOf('[status_page]\ntoken_env=GOOD', { environment })
    assert.equal(statusPage.token, 'from-the-environment')
  })

  for (const [text, sentence] of [
    ['token_env=NONE', 'token_env=NONE: is not set in the environment'],
    ['token_env=EMPTY', 'token_env=EMPTY: is not set in the environment'],
    ['token_env=SHORT', `token_env=SHORT: its value ${MUST}`],
    [
      'token_env=GOOD\ntoken=a-token-of-mine-0',
      'token_env=GOOD: must not be set together with token',
    ],
  ] as const) {
    it(`${text.replace('\n', ' ')} is refused`, () =>
      assert.deepEqual(problemsOf(`[status_page]\n${text}`, { environment }), [
        `tdc.ini [status_page] ${sentence}`,
      ]))
  }
})

describe('files that tdc.ini names', () => {
  const pem = rootCertificates.slice(0, 2).join('\n')
  const file = (text: string) => ({ readFile: () => ({ kind: 'text', text }) as const })

  it('ca_file is read and each certificate parsed', () => {
    assert.equal(settingsOf('[tls]\nca_file=ca.pem', file(pem)).delivery.tls.ca, pem)
  })

  it('a ca_file without certificates, or with a broken one, is refused', () => {
    const broken = pem.replace(/\n[^\n]+\n-----END/, '\n-----END')
    assert.deepEqual(problemsOf('[tls]\nca_file=ca.pem', file('hello')), [
      'tdc.ini [tls] ca_file=ca.pem: no PEM certificate is in the file',
    ])
    assert.deepEqual(problemsOf('[tls]\nca_file=ca.pem', file(broken)), [
      'tdc.ini [tls] ca_file=ca.pem: certificate 1 cannot be parsed',
    ])
  })

  it('incoming_domains_file adds to incoming_domains; bad lines are shown up to 20', () => {
    const text = '[main]\nincoming_domains=a.example\nincoming_domains_file=in'
    const lines = (all: string[]) => ({ readList: () => ({ kind: 'lines', lines: all }) as const })
    const { incoming } = settingsOf(text, lines(['b.example', 'A.example']))
    assert.deepEqual([...incoming.own].slice(HOST_LIST), ['a.example', 'b.example'])
    const problems = problemsOf(text, lines(Array.from({ length: 100 }, (_, i) => `bad ${i}`)))
    assert.equal(problems.length, 21)
    assert.match(problems[20] ?? '', /=in: 80 more entries are wrong$/)
  })
})

describe('a doubtful value is accepted with a warning', () => {
  const on = '[main]\nenabled=true\nintake_address=scan@in.example\n'
  const rows: readonly (readonly [text: string, warning: RegExp])[] = [
    ['[tls]\nverify=false', /^tdc.ini \[tls\] verify=false: certificates are not verified/],
    [`[tls]\nverify=false\npin=sha256//${PIN}`, /verify=false: of certificates the pin alone is/],
    ['[delivery]\nroute=lab:25', /^tdc.ini \[delivery\] route=lab:25: all copies go to this host/],
    ['[delivery]\nretry_delay=120', /retry_delay=120: is not below max_age/],
    ['[formats]\nx@y.example=bcc', /x@y.example=bcc: no level and no policy has this intake/],
    [on, /^tdc.ini \[policy.DEFAULT\] intake=no: copies are enabled, but no policy asks/],
    ['[policy.a]\n[policy.b]', /^tdc.ini \[policy.b\]: never matches: policy.a stands above it/],
  ]
  for (const [text, warning] of rows) {
    it(String(warning), () => {
      const warnings = warningsOf(text)
      assert.equal(warnings.length, 1, warnings.join('\n'))
      assert.match(warnings[0] ?? '', warning)
    })
  }

  it('dane=require where no DNS server is trusted', () => {
    const untrustedDns = untrustedDnsOf(['192.0.2.53'])
    const warned = (text: string) => warningsOf(text, { untrustedDns }).join()
    assert.equal(
      warned('[tls]\ndane=require'),
      'tdc.ini [tls] dane=require: no copy can be sent: no DNS server is trusted: ' +
        '192.0.2.53 is on another machine, and [tls] resolver names none',
    )
    assert.equal(warned('[tls]\ndane=require\nresolver=192.0.2.53'), '')
    assert.equal(warned('[tls]\ndane=auto'), '')
    assert.equal(untrustedDnsOf(['127.0.0.1', '[::1]:5353']), undefined)
    assert.match(untrustedDnsOf([]) ?? '', /there is none$/)
  })
})
