import { createAuthority, type KeyAndCertificate } from '../support/certificates'

/** The address that all intakes of the benchmarks listen on, and what their certificate says. */
export const INTAKE_HOST = '127.0.0.1'

export interface Trust {
  readonly certificate: KeyAndCertificate
  /** PEM of the root. */
  readonly ca: string
}

export async function intakeTrust(): Promise<Trust> {
  const authority = await createAuthority()
  const certificate = await authority.issue({ names: ['localhost'], ips: [INTAKE_HOST] })
  return { certificate, ca: authority.caPem }
}
