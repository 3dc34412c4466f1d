import { key, unset, unsetAs } from './kinds'
import * as kinds from './kinds'

const DAY = 86_400
const HOUR = 3_600
/** Ours: more would not end before a copy's 120 s do, but a lab may want it. */
const TIMEOUT_MAX = 600
const CONNECTIONS_MAX = 1_000
const CONNECTIONS_TOTAL_MAX = 100_000
const MESSAGES_MAX = 10_000
/** Ours: each of them loses an attempt with its connection, and fifty connections are there too. */
const WINDOW_MAX = 100

export const DELIVERY = {
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
  envelope_from: unsetAs(
    '',
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
export const TIMEOUTS = {
  connect: timeout('30', 'Seconds until the TCP connection stands.'),
  greeting: timeout('60', "Seconds for the server's greeting."),
  tls: timeout('30', 'Seconds for the TLS handshake.'),
  command: timeout('60', 'Seconds for the reply to EHLO, STARTTLS, MAIL, RCPT and DATA.'),
  data: timeout('60', 'Seconds without progress while the message is written.'),
  final: timeout('100', 'Seconds from the final dot to the reply.'),
}

export const TLS = {
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
  pin: unsetAs(
    [],
    kinds.keyPins,
    "SHA-256 of the server's public key (comma list): sha256//BASE64= as curl has it, or hex. With verify=false the pin alone decides. Unset: any key.",
  ),
  names: unsetAs(
    [],
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
