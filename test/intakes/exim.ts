import { readdirSync, readFileSync } from 'node:fs'
import { inside, unpacked } from './debian'
import { Daemon } from './daemon'
import { INTAKE, type Place } from './place'
import type { IntakeServer } from './servers'

export interface EximSettings {
  /** Lines of the main section. */
  readonly main?: readonly string[]
  /** Conditions before a recipient is accepted, each a statement of the ACL. */
  readonly rcpt?: readonly string[]
}

export async function startExim(place: Place, settings: EximSettings = {}): Promise<IntakeServer> {
  const root = unpacked('exim4-daemon-light')
  if (root === undefined) return 'Exim: the Debian package exim4-daemon-light cannot be had'
  place.write('exim.conf', configuration(place, settings))
  // What it starts for a connection ends with it; SIGTERM reaches all of them.
  const script = `
    cp ${place.key} ${place.dir}/tls.key && chown nobody ${place.dir}/tls.key
    mkdir -p ${place.dir}/spool ${place.dir}/log && chown -R 65534:65534 ${place.dir}/spool ${place.dir}/log
    exec exim4 -C ${place.dir}/exim.conf -bdf -q2s`
  const daemon = new Daemon(
    inside(root, `${place.dir}/system`, ['Debian-exim'], script),
    place.port,
  )
  await daemon.start()
  return {
    daemon,
    isSettled: () => messagesIn(`${place.dir}/spool/input`) === 0,
    hasTaken: (messageId) =>
      readFileSync(`${place.dir}/log/mainlog`, 'utf8')
        .split('\n')
        .some((line) => line.includes(' <= ') && line.includes(` id=${messageId}`)),
  }
}

/** Those with a header and a body; when Exim is told to end, it leaves one of them alone for ever. */
function messagesIn(spool: string): number {
  const files = new Set(readdirSync(spool))
  return [...files].filter((name) => files.has(name.replace(/-H$/, '-D')) && name.endsWith('-H'))
    .length
}

function configuration(place: Place, { main = [], rcpt = [] }: EximSettings): string {
  return `
primary_hostname = ${INTAKE.host}
exim_user = nobody
exim_group = nogroup
never_users =
keep_environment =
spool_directory = ${place.dir}/spool
log_file_path = ${place.dir}/log/%slog
pid_file_path = ${place.dir}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${place.port}
tls_advertise_hosts = *
tls_certificate = ${place.chain}
tls_privatekey = ${place.dir}/tls.key
smtputf8_advertise_hosts = *
host_lookup =
message_size_limit = 60M
# Every message is delivered at once, so that the mailbox tells what was taken.
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = recipient
${main.join('\n')}
begin acl
recipient:
${rcpt.map((line) => `  ${line}`).join('\n')}
  accept domains = ${INTAKE.domain}
  deny
begin routers
here:
  driver = accept
  domains = ${INTAKE.domain}
  transport = store
begin transports
store:
  driver = appendfile
  directory = ${place.mail}
  maildir_format
  user = nobody
  group = nogroup
  check_string =
  escape_string =
  return_path_add
begin retry
* * F,1h,1s
`
}
