import { DELIVERY, TIMEOUTS, TLS } from './delivery-keys'
import { key, type Keys, unset, unsetAs } from './kinds'
import * as kinds from './kinds'

const DAY = 86_400
const YEAR = 366 * DAY
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
  incoming_domains: unsetAs(
    [],
    kinds.list,
    'Domains (comma list) that are incoming also where this server relays for them, beside host_list and others of its files.',
  ),
  incoming_domains_file: unset(
    kinds.listFile,
    'A file in config/ with further incoming domains, one per line.',
  ),
  relayed_domains: unsetAs(
    [],
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
  policy_order: unsetAs(
    [],
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
  store: key(
    kinds.choice('local', 'redis'),
    'local',
    "Where copies wait: local (this machine's disk) or redis (the Redis of redis.ini, where other machines take over those of one that is gone).",
  ),
  replicas: key(
    kinds.wholeNumber(0, 9),
    '0',
    'store=redis: so many replicas must have a copy before its original is queued; 0: none is waited for.',
  ),
  write_ahead: key(
    kinds.choice('log', 'file'),
    'file',
    'Where a copy is written before its original is queued: log (one for all, which a queue file follows when the copy stays longer than 2 seconds) or file (a queue file each).',
  ),
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
    'auto: kept copies of an outage go again when the intake is back, the oldest first, and more slowly than new ones; never two at a time of one copy.',
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
  unless: unsetAs(
    [],
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
  session_length: key(
    kinds.seconds(60, YEAR),
    '43200',
    'Seconds that a browser need not show the token again.',
  ),
  show_addresses: key(
    kinds.yesNo,
    'false',
    'Addresses of senders, recipients and intakes are shown; otherwise only their domains.',
  ),
  hosts: unsetAs(
    [],
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
