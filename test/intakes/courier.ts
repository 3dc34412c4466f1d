import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Daemon } from './daemon'
import { inside, unpacked } from './debian'
import { INTAKE, type Place } from './place'
import type { IntakeServer } from './servers'

export interface CourierSettings {
  /** Connections of one address; Courier's own default is 5. */
  readonly connections: number
}

/** Its many programs end with the namespace of processes that they are in. */
export async function startCourier(place: Place, settings: CourierSettings): Promise<IntakeServer> {
  const root = unpacked('courier-mta')
  if (root === undefined) return 'Courier: the Debian package courier-mta cannot be had'
  const { dir, port, mail } = place
  const etc = '/etc/courier'
  const set = (file: string, name: string, value: string | number): string =>
    `sed -i 's|^${name}=.*|${name}=${value}|' ${etc}/${file}`
  const script = `
    cat ${dir}/key.pem ${dir}/chain.pem >${etc}/esmtpd.pem; chown courier:courier ${etc}/esmtpd.pem; chmod 600 ${etc}/esmtpd.pem
    chown -R courier:courier /var/lib/courier /etc/courier 2>/dev/null
    ${set('esmtpd', 'TARPIT', 0)}; ${set('esmtpd', 'BOFHCHECKDNS', 0)}
    ${set('esmtpd', 'TLS_DHPARAMS', '')}
    echo ${INTAKE.host} >${etc}/me; echo ${INTAKE.domain} >${etc}/locals; echo ${INTAKE.domain} >${etc}/esmtpacceptmailfor
    echo 62914560 >${etc}/sizelimit; echo 'opt BOFHHEADERS=0' >${etc}/bofh
    mkdir -p /run/courier; mount -t tmpfs tmpfs /run/courier
    mkdir -p /run/courier/authdaemon ${mail}/new ${mail}/cur ${mail}/tmp; chown -R courier:courier /run/courier
    echo '${INTAKE.user}:x:65534:65534::${dir}/home:/bin/sh' >>/etc/passwd
    mkdir -p ${dir}/home; ln -s ${mail} ${dir}/home/Maildir; chown -R 65534:65534 ${dir}/home ${mail}
    makealiases; makeacceptmailfor; makesmtpaccess
    /usr/sbin/authdaemond start; /usr/sbin/courier start
    . ${etc}/esmtpd; set -a; . ${etc}/esmtpd
    export PATH=$PATH:/usr/sbin
    exec /usr/sbin/couriertcpd -noidentlookup -user=courier -group=courier -address=127.0.0.1 \\
      -maxprocs=200 -maxperc=${settings.connections} -maxperip=${settings.connections} ${port} /usr/sbin/courieresmtpd`
  const [unshare = '', ...rest] = inside(root, `${dir}/system`, ['courier'], script)
  const alone = [unshare, '--pid', '--fork', '--kill-child', '--mount-proc', ...rest]
  const daemon = new Daemon(alone, port)
  await daemon.start()
  // It takes a message into its queue, where it waits to be delivered.
  const queue = join(dir, 'system/var/lib/courier/msgs')
  const isSettled = (): boolean => existsSync(queue) && filesIn(queue) === 0
  return { daemon, isSettled }
}

/** Files in the folders of a folder. */
function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length
}
