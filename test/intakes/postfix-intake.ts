import { join } from 'node:path'
import { startPostfix, whatIsMissing } from '../support/postfix'
import { INTAKE, type Place, NOBODY } from './place'
import type { IntakeServer } from './servers'

/** A Postfix that stores what it takes in a maildir. */
export async function startPostfixIntake(
  place: Place,
  settings: Readonly<Record<string, string>> = {},
): Promise<IntakeServer> {
  const missing = whatIsMissing()
  if (missing !== undefined) return missing
  const options = {
    certificate: place.certificate,
    port: place.port,
    settings: {
      myhostname: INTAKE.host,
      mynetworks: '',
      virtual_mailbox_domains: INTAKE.domain,
      virtual_mailbox_base: join(place.dir),
      virtual_mailbox_maps: 'static:mail/',
      virtual_uid_maps: `static:${NOBODY}`,
      virtual_gid_maps: `static:${NOBODY}`,
      virtual_mailbox_limit: '0',
      smtpd_relay_restrictions: 'permit_auth_destination, reject',
      smtpd_tls_security_level: 'encrypt',
      message_size_limit: '62914560',
      ...settings,
    },
  }
  const postfix = await startPostfix(options)
  const daemon = { stop: () => postfix.close(), restart: postfix.restart }
  return { daemon, isSettled: () => postfix.isEmpty() }
}
