import { join } from 'node:path'
import { Daemon } from './daemon'
import { inside, unpacked } from './debian'
import { INTAKE, type Place } from './place'
import type { IntakeServer } from './servers'
import { TYPESCRIPT } from '../support/run'

export async function startAiosmtpd(place: Place): Promise<IntakeServer> {
  const root = unpacked('python3-aiosmtpd')
  if (root === undefined) return 'aiosmtpd: the Debian package python3-aiosmtpd cannot be had'
  const args = [place.port, place.mail, place.chain, place.key, INTAKE.host].map(String)
  const path = join(root, 'usr/lib/python3/dist-packages')
  const command = ['python3', join(__dirname, 'aiosmtpd-intake.py'), ...args]
  const daemon = new Daemon(command, place.port, { PYTHONPATH: path })
  await daemon.start()
  return { daemon }
}

export async function startSmtpServer(place: Place): Promise<IntakeServer> {
  const args = [place.port, place.mail, place.chain, place.key, INTAKE.host].map(String)
  const script = join(__dirname, 'smtp-server-intake.ts')
  const command = [process.execPath, '-r', TYPESCRIPT, script, ...args]
  const daemon = new Daemon(command, place.port)
  await daemon.start()
  return { daemon }
}

export async function startQpsmtpd(place: Place): Promise<IntakeServer> {
  const root = unpacked('qpsmtpd', 'libio-socket-ssl-perl')
  if (root === undefined)
    return 'qpsmtpd: the Debian packages qpsmtpd and libio-socket-ssl-perl cannot be had'
  const { dir, port } = place
  place.write(
    'plugins',
    `tls ${dir}/chain.pem ${dir}/tls.key ${dir}/ca.pem\nrcpt_ok\nqueue/maildir ${place.mail}\n`,
  )
  const script = `
    id nobody >/dev/null; rm -rf /etc/qpsmtpd/logging; cp ${dir}/plugins /etc/qpsmtpd/plugins
    cp ${dir}/key.pem ${dir}/tls.key; chown nobody ${dir}/tls.key
    echo ${INTAKE.domain} >/etc/qpsmtpd/rcpthosts; echo ${INTAKE.host} >/etc/qpsmtpd/me
    echo ${dir}/spool >/etc/qpsmtpd/spool_dir; echo 3 >/etc/qpsmtpd/loglevel; echo 62914560 >/etc/qpsmtpd/databytes
    mkdir -p ${dir}/spool ${place.mail}/new ${place.mail}/tmp ${place.mail}/cur
    chown -R nobody ${dir}/spool ${place.mail}; chmod 700 ${dir}/spool
    export QPSMTPD_CONFIG=/etc/qpsmtpd
    exec qpsmtpd-forkserver -p ${port} -l 127.0.0.1 -u nobody -c 100 -m 100`
  const daemon = new Daemon(inside(root, `${dir}/system`, ['qpsmtpd'], script), port)
  await daemon.start()
  return { daemon }
}
