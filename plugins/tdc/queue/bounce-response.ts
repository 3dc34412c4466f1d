import type { BounceResponse } from '../monitor/events'
import type { SmtpCommand, DnsResult, Failure, NetworkDetails } from '../smtp/outcome'

/** 4: will be tried again; 5: given up. The first digit of the enhanced status (RFC 3463 section 3.1). */
export type StatusClass = 4 | 5

/** Not a reply of the intake: the appliance writes this in place of its code. */
const NO_CODE = '000'

/** Subject and detail digits (RFC 3463 section 3.5) and the words for them. */
const NETWORK: Record<NetworkDetails, readonly [string, string]> = {
  timeout: ['4.1', 'No answer from host'],
  refused: ['4.1', 'No answer from host'],
  unreachable: ['4.1', 'No answer from host'],
  reset: ['4.2', 'Bad connection'],
  closed: ['4.2', 'Bad connection'],
  error: ['4.0', 'Other or undefined network status'],
  descriptors: ['4.0', 'Other or undefined network status'],
  protocol: ['5.0', 'Other or undefined protocol status'],
}

const DNS: Record<DnsResult, readonly [string, string]> = {
  nxdomain: ['1.2', 'NXDomain'],
  // RFC 7505 section 4.2
  nullmx: ['1.10', 'Null MX'],
  servfail: ['1.2', 'ServFail'],
  timeout: ['1.2', 'Timeout'],
  error: ['1.2', 'Error'],
  private: ['1.2', 'Private'],
}

const BAD_HOST = 'Bad destination host'

/** A failure in the words of the appliance's log (spec 6). */
export function bounceResponse(failure: Failure, status: StatusClass): BounceResponse {
  switch (failure.kind) {
    case 'reply': {
      const { code, enhanced, text } = failure.reply
      const [digits, meaning] = replyMeaning(failure.command)
      const detail = enhanced ? `${enhanced} ${text}` : text
      return { status: `${status}.${digits}`, meaning, code: String(code), detail }
    }
    case 'network': {
      const [digits, meaning] = NETWORK[failure.details]
      return { status: `${status}.${digits}`, meaning, code: NO_CODE, detail: failure.reason }
    }
    case 'dns': {
      const [digits, result] = DNS[failure.result]
      const hardness = status === 5 ? 'Hard' : 'Soft'
      const detail = `DNS ${hardness} Error looking up ${failure.domain} (${failure.question ?? 'MX'}) : ${result}`
      return { status: `${status}.${digits}`, meaning: BAD_HOST, code: NO_CODE, detail }
    }
    case 'tls':
      return {
        // RFC 3463 section 3.8, "Other or undefined security status"
        status: `${status}.7.0`,
        meaning: 'TLS Error',
        code: NO_CODE,
        detail: `${failure.reason}: ${failure.text}`,
      }
  }
}

/** The queue's own end of a copy, as the appliance words it. */
export function expiredResponse(last: Failure | undefined): BounceResponse {
  const detail = last ? bounceResponse(last, 5).detail : 'timeout'
  return { status: '5.4.7', meaning: 'Delivery expired (message too old)', code: NO_CODE, detail }
}

function replyMeaning(command: SmtpCommand): readonly [string, string] {
  return command === 'RCPT'
    ? ['1.0', 'Unknown address error']
    : ['3.0', 'Other mail system problem']
}
