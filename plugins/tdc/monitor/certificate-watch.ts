import { RecentMap } from '../base/recent-map'
import { safeText } from '../base/text'
import type { TdcEvent } from './events'

const DAY = 86_400_000

/** Time enough to have a certificate renewed by whoever runs the intake. */
const WARNED_BEFORE = 14 * DAY

/** Certificates whose last warning is remembered; older ones may be warned of again. */
const MOST = 100

/** Finds certificates that will end soon; tells of each at most once per day. */
export class CertificateWatch {
  /** SHA-256 of the certificate -> the day of its last warning, counted from 1970. */
  private readonly warned = new RecentMap<string, number>(() => MOST)

  /** `now`: milliseconds since 1970. The event that warns; undefined: there is nothing to tell. */
  warning(event: TdcEvent, now: number): TdcEvent | undefined {
    if (event.kind !== 'tls-success') return undefined
    const { domain, host, certificateEnd } = event
    const fingerprint = safeText(event.fingerprint)
    const left = certificateEnd - now
    const today = Math.floor(now / DAY)
    if (left > WARNED_BEFORE || this.warned.get(fingerprint) === today) return undefined
    this.warned.renew(fingerprint, today)
    const days = Math.floor(left / DAY)
    return { kind: 'certificate-ends', domain, host, certificateEnd, days }
  }
}
