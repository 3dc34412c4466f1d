import { Daemon } from './daemon'
import { inside, unpacked } from './debian'
import { INTAKE, type Place } from './place'
import type { IntakeServer } from './servers'

/** `settings` as m4 knows them. */
export async function startSendmail(
  place: Place,
  settings: Readonly<Record<string, string>> = {},
): Promise<IntakeServer> {
  const root = unpacked('sendmail-bin')
  if (root === undefined) return 'sendmail: the Debian package sendmail-bin cannot be had'
  const { dir } = place
  place.write(
    'store.sh',
    `#!/bin/sh\nfile=${place.mail}/$$.$(date +%N)\ncat >$file.part && mv $file.part $file\n`,
    0o755,
  )
  place.write('sm.mc', configuration(place, settings))
  const cf = '/usr/share/sendmail/cf'
  const script = `
    mkdir -p ${dir}/queue && chmod 700 ${dir}/queue
    cp ${dir}/chain.pem /etc/mail/intake.crt; cp ${dir}/ca.pem /etc/mail/intake-ca.crt
    cp ${dir}/key.pem /etc/mail/intake.key; chmod 600 /etc/mail/intake.key
    m4 -D_CF_DIR_=${cf}/ ${cf}/m4/cf.m4 ${dir}/sm.mc >${dir}/sm.cf
    # No DNS: it asks for its own name before it listens.
    cp /etc/mail/service.switch-nodns /etc/mail/service.switch
    echo "127.0.0.1 ${INTAKE.host} $(hostname)" >>/etc/hosts
    exec /usr/libexec/sendmail/sendmail -bD -C${dir}/sm.cf`
  const daemon = new Daemon(inside(root, `${dir}/system`, ['smmta', 'smmsp'], script), place.port)
  await daemon.start()
  return { daemon }
}

/** STARTTLS is offered only where confCACERT_PATH is set, too. */
function configuration({ dir, port }: Place, settings: Readonly<Record<string, string>>): string {
  const options: Readonly<Record<string, string>> = {
    confPID_FILE: `${dir}/sm.pid`,
    QUEUE_DIR: `${dir}/queue`,
    STATUS_FILE: `${dir}/statistics`,
    ALIAS_FILE: '',
    confDOMAIN_NAME: INTAKE.host,
    confSERVER_CERT: '/etc/mail/intake.crt',
    confSERVER_KEY: '/etc/mail/intake.key',
    confCACERT: '/etc/mail/intake-ca.crt',
    confCACERT_PATH: '/etc/ssl/certs',
    confDONT_BLAME_SENDMAIL: 'groupreadablekeyfile,groupwritabledirpathsafe',
    confTO_IDENT: '0',
    confMAX_MESSAGE_SIZE: '62914560',
    confQUEUE_LA: '1000',
    confREFUSE_LA: '1000',
    confDELIVERY_MODE: 'interactive',
    ...settings,
  }
  return [
    'divert(0)dnl',
    "VERSIONID(`intake')",
    "OSTYPE(`debian')dnl",
    "DOMAIN(`debian-mta')dnl",
    "undefine(`confHOST_STATUS_DIRECTORY')dnl",
    "FEATURE(`no_default_msa')dnl",
    ...Object.entries(options).map(([name, value]) => `define(\`${name}', \`${value}')dnl`),
    "FEATURE(`nocanonify')dnl",
    "FEATURE(`accept_unresolvable_domains')dnl",
    `DAEMON_OPTIONS(\`Family=inet, Name=MTA, Port=${port}, Addr=127.0.0.1')dnl`,
    "MAILER(`smtp')dnl",
    'MAILER_DEFINITIONS',
    `Mstore, P=${dir}/store.sh, F=lsDFMPhnu9m, S=0, R=0, M=62914560, L=0, T=DNS/RFC822/X-Unix, U=nobody:nogroup, A=store $u`,
    'LOCAL_RULE_0',
    `R$+ <@ ${INTAKE.domain}. > $*\t$#store $@ $: $1`,
    `R$+ <@ ${INTAKE.domain} > $*\t$#store $@ $: $1`,
    'LOCAL_CONFIG',
    `Cw ${INTAKE.domain}`,
    '',
  ].join('\n')
}
