import * as kinds from './kinds'
import type { Kind } from './kinds'

/** One key of tdc.ini. Reading, the file in config/ and its test are all driven by this table. */
export interface Key<T> {
  readonly kind: Kind<T>
  /** The default as it stands in tdc.ini; '' is "not set". */
  readonly text: string
  readonly fallback: T
  /** The comment above the key in tdc.ini. */
  readonly meaning: string
}

export type Keys = Readonly<Record<string, Key<unknown>>>

function key<T>(kind: Kind<T>, text: string, meaning: string): Key<T> {
  const read = kind.read([text])
  if (read === undefined) throw new Error(`default ${text} ${kind.must}`)
  return { kind, text, fallback: read.value, meaning }
}

/** A key that may stay unset. */
function unset<T>(kind: Kind<T>, meaning: string): Key<T | undefined> {
  return { kind, text: '', fallback: undefined, meaning }
}

const DAY = 86_400
const HOUR = 3_600
const YEAR = 366 * DAY
/** Ours: more would not end before a copy's 120 s do, but a lab may want it. */
const TIMEOUT_MAX = 600
const CONNECTIONS_MAX = 1_000
const CONNECTIONS_TOTAL_MAX = 100_000
const MESSAGES_MAX = 10_000
/** Ours: each of them loses an attempt with its connection, and fifty connections are there too. */
const WINDOW_MAX = 100
const COPIES_MAX = 10_000_000
const TRACK_MAX = 1_000_000

export const MAIN_FORMAT = key(
  kinds.choice('journal', 'bcc'),
  'journal',
  'Form of the copies: journal (the original attached to a report) or bcc (the original with X-CSE headers on top).',
)

const MAIN = {
  enabled: key(
    kinds.yesNo,
    'false',
    'Copies are made: the value for the cluster; groups and machines may have their own.',
  ),
  intake_address: unset(
    kinds.anyText,
    'The message intake address that the scanning service shows: the default for every policy.',
  ),
  format: MAIN_FORMAT,
  service_name: key(
    kinds.label,
    'Cisco Secure Email Threat Defense',
    'Name of the scanning service in log lines.',
  ),
  incoming_domains: unset(
    kinds.list,
    'Domains (comma list) that are incoming also where this server relays for them, beside host_list and others of its files.',
  ),
  incoming_domains_file: unset(
    kinds.listFile,
    'A file in config/ with further incoming domains, one per line.',
  ),
  relayed_domains: unset(
    kinds.list,
    "Domains (comma list) that this server only relays for, beside the relay plugin's dest_domains: their mail is outgoing.",
  ),
  recipient_delimiter: key(
    kinds.delimiters,
    '+',
    'Characters before a detail in a local part: a list that has user@domain has user+detail@domain; off: none.',
  ),
  on_journal_failure: key(
    kinds.choice('accept', 'tempfail'),
    'accept',
    'When a copy cannot be queued: accept (the original goes on, the miss is logged and counted) or tempfail (the client gets a 451).',
  ),
  machine_disable_spreads: key(
    kinds.yesNo,
    'true',
    'enabled=false on a machine turns off its group and the cluster too, as on the appliance.',
  ),
  policy_order: unset(
    kinds.list,
    'Names of policies (comma list) that stand first, in this order. Unset: all as they stand in the file.',
  ),
}

const LEVEL = {
  enabled: unset(kinds.yesNo, 'Copies are made: overrides the level above; unset inherits it.'),
  intake_address: unset(
    kinds.anyText,
    'The message intake address of this level: overrides the level above.',
  ),
}

const GROUP = {
  enabled: LEVEL.enabled,
  machines: unset(kinds.list, "The group's machines by host name, one machines[]= line each."),
  intake_address: LEVEL.intake_address,
}

const INTAKE_CHOICE = {
  intake: key(
    kinds.choice('no', 'default', 'custom'),
    'no',
    'What matching mail gets: no copy, a copy to the default intake, or to the intake_address below.',
  ),
  intake_address: unset(
    kinds.anyText,
    'The message intake address of this policy (intake=custom).',
  ),
}

const POLICY = {
  senders: key(
    kinds.choice('any', 'listed', 'not_listed'),
    'any',
    'Senders that the policy is for: any, listed or not_listed.',
  ),
  sender_list: unset(
    kinds.list,
    'One sender_list[]= line each: user@domain, user@, @domain, @.domain (its subdomains) or <> (no sender).',
  ),
  sender_list_file: unset(kinds.listFile, 'A file in config/ with further senders, one per line.'),
  recipients: key(
    kinds.choice('any', 'listed', 'not_listed'),
    'any',
    'Recipients that the policy is for: any, listed or not_listed.',
  ),
  recipient_list: unset(kinds.list, 'One recipient_list[]= line each, in the same forms.'),
  recipient_list_file: unset(
    kinds.listFile,
    'A file in config/ with further recipients, one per line.',
  ),
  ...INTAKE_CHOICE,
}

const DELIVERY = {
  route: unset(kinds.route, 'host:port in place of MX look-ups, for a lab. Unset: DNS.'),
  port: key(kinds.port, '25', 'TCP port of the MX hosts.'),
  allow_private: key(
    kinds.yesNo,
    'false',
    'MX hosts may have addresses that are not public (loopback, private networks, ...) or our own.',
  ),
  helo: unset(kinds.helloName, 'Name for EHLO. Unset: config/me.'),
  local_address: unset(
    kinds.ipAddress,
    "Local address to connect from. Unset: the system's choice.",
  ),
  envelope_from: unset(
    kinds.reversePath,
    'Sender of the copies (MAIL FROM). Unset: the null sender, so that no bounce ever comes.',
  ),
  min_connections: key(
    kinds.wholeNumber(1, CONNECTIONS_MAX),
    '3',
    'Connections that are opened when there are copies to send.',
  ),
  max_connections: key(
    kinds.wholeNumber(1, CONNECTIONS_MAX),
    '50',
    'Most connections at a time, for each intake domain and worker process.',
  ),
  max_connections_total: unset(
    kinds.wholeNumber(1, CONNECTIONS_TOTAL_MAX),
    'Most connections of all intakes and worker processes together. Unset: a quarter of the descriptors that each process may have.',
  ),
  messages_per_connection: key(
    kinds.wholeNumber(1, MESSAGES_MAX),
    '50',
    'Copies over one connection before it is closed; a lower limit of the intake is learned.',
  ),
  window: key(
    kinds.wholeNumber(1, WINDOW_MAX),
    '8',
    'Copies on their way over one connection at a time, where the intake offers CHUNKING; 1: each waits for the reply to the one before.',
  ),
  idle_timeout: key(
    kinds.seconds(0, HOUR),
    '5',
    'Seconds that an idle connection is kept; 0 closes it at once.',
  ),
  retry_delay: key(kinds.seconds(0, HOUR), '30', 'Seconds before a retry.'),
  max_age: key(
    kinds.seconds(1, DAY),
    '120',
    'Seconds that a copy may stay in the queue before it is removed.',
  ),
  max_age_counts_downtime: key(
    kinds.yesNo,
    'false',
    'Time while this server was down counts for max_age.',
  ),
}

const timeout = (text: string, meaning: string) => key(kinds.seconds(1, TIMEOUT_MAX), text, meaning)

// Below RFC 5321 4.5.3.2 (minutes each), because a copy lives 120 s only.
const TIMEOUTS = {
  connect: timeout('30', 'Seconds until the TCP connection stands.'),
  greeting: timeout('60', "Seconds for the server's greeting."),
  tls: timeout('30', 'Seconds for the TLS handshake.'),
  command: timeout('60', 'Seconds for the reply to EHLO, STARTTLS, MAIL, RCPT and DATA.'),
  data: timeout('60', 'Seconds without progress while the message is written.'),
  final: timeout('100', 'Seconds from the final dot to the reply.'),
}

const TLS = {
  verify: key(
    kinds.yesNo,
    'true',
    "The server's certificate is verified: chain and host name. TLS itself is never optional.",
  ),
  min_version: key(kinds.choice('TLSv1.2', 'TLSv1.3'), 'TLSv1.2', 'Lowest TLS version.'),
  ca_file: unset(
    kinds.filePath,
    "A PEM file of the trusted roots, in place of Node's own. Unset: Node's own.",
  ),
  client_certificate: unset(
    kinds.filePath,
    'A PEM file with our own certificate, and those between it and its root, for an intake that asks for one. Unset: none.',
  ),
  client_key: unset(kinds.filePath, 'A PEM file with the key of that certificate, not encrypted.'),
  pin: unset(
    kinds.keyPins,
    "SHA-256 of the server's public key (comma list): sha256//BASE64= as curl has it, or hex. With verify=false the pin alone decides. Unset: any key.",
  ),
  names: unset(
    kinds.hostPatterns,
    "Names of the intake's MX hosts (comma list); *.example.com stands for one label more. Unset: any that DNS says.",
  ),
  mta_sts: key(
    kinds.yesNo,
    'true',
    "The MTA-STS policy of the intake's domain (RFC 8461) is looked for, and enforced.",
  ),
  dane: key(
    kinds.choice('off', 'auto', 'require'),
    'auto',
    "DANE (RFC 7672) by a DNS server that validates: auto (signed TLSA records of the intake's hosts decide on their certificates), require (nothing is sent without) or off.",
  ),
  resolver: unset(
    kinds.dnsServer,
    'Address, or address:port, of the validating DNS server for that: its word is trusted, and the way to it. Unset: that of resolv.conf, if it is on this machine.',
  ),
}

const JOURNAL = {
  gateway: unset(kinds.hostName, 'Name of this gateway in the reports. Unset: config/me.'),
  from: unset(
    kinds.fromHeader,
    'From header of the report. Unset: "Journal" <postmaster@GATEWAY>.',
  ),
  marker_value: key(
    kinds.markerText,
    'journal',
    'Value of the X-MS-Journal-Report header; the word empty stands for an empty value.',
  ),
  remote_ip_header: key(
    kinds.fieldName,
    'X-IronPort-RemoteIP',
    "Header that names the sending client's IP address in the copy; off: none.",
  ),
  bare_cr: key(
    kinds.choice('as_postfix', 'crlf', 'refuse'),
    'as_postfix',
    'A CR without LF in a copy: as_postfix (a blank; none before a line end), crlf (a line end), or refuse, the one setting that touches originals: the client gets a 550.',
  ),
  fallback: key(
    kinds.yesNo,
    'false',
    'A report that an intake refuses for its content (a 5xx behind the text, or 8-bit and no 8BITMIME) is sent once more, with the original as original.eml in base64; readers that look for message/rfc822 miss it.',
  ),
}

const QUEUE = {
  prepare_timeout: key(
    kinds.seconds(1, 300),
    '15',
    "Seconds for writing a message's copies before that is a failure; keep it below Haraka's plugin_timeout.",
  ),
  min_free_space: key(
    kinds.bytes,
    '100M',
    'No copy is written with less free space than this on the disk of the queue (bytes, or K, M, G); 0: no limit.',
  ),
  min_free_inodes: key(
    kinds.wholeNumber(0, 999_999_999),
    '1000',
    'No copy is written with fewer free inodes than this on the disk of the queue; 0: no limit.',
  ),
  max_copies: key(
    kinds.wholeNumber(1, COPIES_MAX),
    '100000',
    'No copy is written while a worker process has this many in its queue.',
  ),
}

const FAILED = {
  keep: key(
    kinds.yesNo,
    'false',
    'Copies that are given up are kept in the queue directory, for a later replay.',
  ),
  replay: key(
    kinds.choice('off', 'auto'),
    'off',
    'auto: kept copies of an outage go again when the intake is back, the oldest first, once each, and more slowly than new ones.',
  ),
  keep_number: key(
    kinds.wholeNumber(1, COPIES_MAX),
    '20000',
    'Most copies that are kept; beyond it the oldest are dropped.',
  ),
  keep_bytes: key(
    kinds.bytes,
    '1G',
    'Most space for kept copies (bytes, or K, M, G); beyond it the oldest are dropped.',
  ),
  keep_age: key(
    kinds.seconds(1, YEAR),
    '604800',
    'Seconds that a copy is kept before it is dropped.',
  ),
}

const CLEAN = {
  unless: unset(
    kinds.list,
    'Results of other plugins (one unless[]= line each) with which a message is not copied although it is delivered, such as clamd.fail, rspamd.action=add header or karma.score<-5.',
  ),
}

const MONITOR = {
  track: key(
    kinds.wholeNumber(0, TRACK_MAX),
    '10000',
    'Messages whose way is kept in memory for tracking, in each worker process; 0: none.',
  ),
}

const STATUS_PAGE = {
  enabled: key(
    kinds.yesNo,
    'false',
    "The page, its data and the metrics are served through Haraka's own HTTP (http.ini, express).",
  ),
  path: key(kinds.urlPath, '/tdc', 'Where it is: PATH/ is the page, PATH/metrics the metrics.'),
  token: unset(
    kinds.token,
    'What every client must show. Unset: only clients on this machine are served, and without one.',
  ),
  token_env: unset(
    kinds.variableName,
    'The environment variable that holds the token, so that it need not stand in this file.',
  ),
  show_addresses: key(
    kinds.yesNo,
    'false',
    'Addresses of senders, recipients and intakes are shown; otherwise only their domains.',
  ),
  hosts: unset(
    kinds.list,
    'Names (comma list) by which browsers reach this server, beside localhost, its IP address and config/me.',
  ),
}

const CLUSTER = {
  redis: key(
    kinds.yesNo,
    'false',
    "Settings and figures are shared with the other machines through Redis, as Haraka's redis.ini says.",
  ),
  prefix: key(
    kinds.keyPrefix,
    'tdc',
    'Begins the names of the keys in Redis: the same on all machines that share.',
  ),
  machine: unset(
    kinds.hostName,
    "Name of this machine, also for [machine.HOSTNAME]. Unset: the system's host name.",
  ),
  share_addresses: key(
    kinds.yesNo,
    'false',
    'What the machines see of each other has whole addresses; otherwise only their domains.',
  ),
}

/** The sections of one fixed name. `[formats]` is the other one: its keys are addresses. */
export const FIXED = {
  main: MAIN,
  delivery: DELIVERY,
  timeouts: TIMEOUTS,
  tls: TLS,
  journal: JOURNAL,
  queue: QUEUE,
  failed: FAILED,
  clean: CLEAN,
  monitor: MONITOR,
  status_page: STATUS_PAGE,
  cluster: CLUSTER,
} as const

/** The sections that bear a name, `[group.edge]`. */
export const NAMED = { group: GROUP, machine: LEVEL, policy: POLICY } as const

export type NamedKind = keyof typeof NAMED

/** `[policy.DEFAULT]`: always last, so it has nothing to match on. */
export const DEFAULT_POLICY = INTAKE_CHOICE

/** Every section as config/tdc.ini holds it, in its order. */
export const SECTIONS: Readonly<Record<string, Keys>> = {
  ...FIXED,
  formats: {},
  'group.NAME': GROUP,
  'machine.HOSTNAME': LEVEL,
  'policy.NAME': POLICY,
  'policy.DEFAULT': DEFAULT_POLICY,
}
