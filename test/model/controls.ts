import { alteredBuild } from '../faults/altered-build'
import type { HarakaOptions } from '../support/haraka'

type Install = NonNullable<HarakaOptions['install']>

/**
 * Builds that fall for what the model is there to find: each has one function as it was in 0.2.0, by
 * the name that it had there.
 */
export const CONTROLS: Readonly<Record<string, Install>> = {
  /** The fate of an original was what its client had been told. */
  resolve: alteredBuild(
    [
      'tdc/haraka/original-watch.ts',
      '      strangers:\n',
      '      timedOut: this.hung.size > 0,\n      strangers:\n',
    ],
    [
      'tdc/queue/fate.ts',
      'const { handovers, strangers, last } = seen',
      `if (told === 'queued') return { kind: 'delivered', toAll: true };
       if (told === 'nothing' || seen.timedOut) return { kind: 'unknown' };
       return { kind: 'nowhere', because: told };
       const { handovers, strangers, last } = seen`,
    ],
  ),

  /** A note of a scanner was a verdict, whatever plugins made of it. */
  verdictOf: alteredBuild(
    [
      'tdc/haraka/message.ts',
      '    relayClient,\n',
      `    relayClient,
        isNoted: ['quarantine', 'discard'].some((name) =>
          transaction.notes[name] || transaction.notes.get('queue.wants') === name),\n`,
    ],
    [
      'tdc/decide/decision.ts',
      '): SkipReason | undefined {',
      `): SkipReason | undefined {
         if (message.isNoted) return { token: 'quarantined' };`,
    ],
  ),

  /** One relayed recipient made the others outgoing, but for the domains of a host_list read once. */
  isIncoming: alteredBuild(
    [
      'tdc/haraka/message.ts',
      '    relayClient,\n',
      '    relayClient,\n    relaying: transaction._relaying ?? relayClient,\n',
    ],
    [
      'tdc/decide/decision.ts',
      'function isIncoming(message: MessageFacts, recipient: RecipientFacts, settings: Settings): boolean {',
      `const hostList = require('node:fs').readFileSync(process.env.HARAKA + '/config/host_list', 'utf8').split('\\n');
       function isIncoming(message, recipient, settings) {
         return !message.relaying || (!message.relayClient && hostList.includes(recipient.domain));`,
    ],
  ),
}
