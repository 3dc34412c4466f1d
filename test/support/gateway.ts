import { join } from 'node:path'
import type { HarakaOptions } from './haraka'
import { makeTempDir } from './temp-dir'

export interface GatewayOptions {
  /** The next hop for originals. */
  readonly mailbox: { readonly host: string; readonly port: number }
  /** A DNS server that knows the intakes, as `127.0.0.1:5353`. */
  readonly dns: string
  /** PEM of the roots that may have signed an intake's certificate. */
  readonly trusted: string
  /** config/tdc.ini without `allow_private` and `ca_file`. */
  readonly tdc: string
  /** The domains that the gateway receives mail for. */
  readonly domains: readonly string[]
  /** config/plugins in place of the usual ones. */
  readonly plugins?: readonly string[]
  /** Plain-file plugins that look at the mail before anything else: name -> source. */
  readonly scanners?: Readonly<Record<string, string>>
  /** Further files for config/. */
  readonly config?: Readonly<Record<string, string>>
  /** Of Haraka's process, beside the tests' own. */
  readonly env?: Readonly<Record<string, string>>
}

/** A tdc.ini with what every gateway here needs: the intakes listen on loopback addresses. */
export function inTheLab(tdc: string): string {
  const isChosen = WRITE_AHEAD === undefined || tdc.includes('write_ahead=')
  const whole = isChosen ? tdc : having(tdc, 'queue', `write_ahead=${WRITE_AHEAD}`)
  // The last section: who adds lines behind it means that.
  return having(having(whole, 'delivery', 'allow_private=true'), 'tls', 'ca_file=trusted.pem')
}

/** `log` or `file`: where all gateways of a run write copies ahead, in place of the default. */
export const WRITE_AHEAD = process.env['TDC_WRITE_AHEAD']

/** With a line more in a section: one that stands twice is refused. */
function having(tdc: string, section: string, line: string): string {
  const heading = `[${section}]`
  const whole = tdc.includes(heading) ? tdc : `${tdc}\n${heading}\n`
  return whole.replace(heading, `${heading}\n${line}`)
}

/** The usual gateway: scanners, the connector, quarantine, and the mailbox server as next hop. */
export function gateway(options: GatewayOptions): HarakaOptions {
  const { mailbox, dns, trusted, tdc, domains, scanners = {}, config = {} } = options
  return {
    plugins: options.plugins ?? [
      'rcpt_to.in_host_list',
      ...Object.keys(scanners),
      'tdc',
      'queue/quarantine',
      'queue/smtp_forward',
    ],
    localPlugins: scanners,
    config: {
      host_list: domains.join('\n') + '\n',
      'smtp_forward.ini': `[main]\nhost=${mailbox.host}\nport=${mailbox.port}\n`,
      'quarantine.ini': `[main]\nquarantine_path=${makeTempDir('quarantine')}\n`,
      'trusted.pem': trusted,
      'tdc.ini': inTheLab(tdc),
      ...config,
    },
    nodeArgs: ['-r', join(__dirname, 'dns-preload.js')],
    env: { TDC_TEST_DNS: dns, ...options.env },
  }
}
