import { alteredBuild } from '../faults/altered-build'
import type { HarakaOptions } from '../support/haraka'

type Install = NonNullable<HarakaOptions['install']>

/**
 * Builds that fall for what the model is there to find: each has one function as it was in 0.2.0, by
 * the name that it had there.
 */
export const CONTROLS: Readonly<Record<string, Install>> = {
  /** The fate of an original was what its client had been told. */
  resolve: altered([
    [
      'tdc/haraka/original-watch.js',
      'strangers: ',
      'timedOut: this.hung.size > 0,\n            strangers: ',
    ],
    [
      'tdc/queue/fate.js',
      'const { handovers, strangers, last } = seen;',
      `if (told === 'queued') return { kind: 'delivered', toAll: true };
       if (told === 'nothing' || seen.timedOut) return { kind: 'unknown' };
       return { kind: 'nowhere', because: told };
       const { handovers, strangers, last } = seen;`,
    ],
  ]),

  /** A note of a scanner was a verdict, whatever plugins made of it. */
  verdictOf: altered([
    [
      'tdc/haraka/message.js',
      '        relayClient,\n',
      `        relayClient,
        isNoted: ['quarantine', 'discard'].some((name) =>
          transaction.notes[name] || transaction.notes.get('queue.wants') === name),\n`,
    ],
    [
      'tdc/decide/decision.js',
      'function skipOfMessage(message, settings, isOwnReport) {',
      `function skipOfMessage(message, settings, isOwnReport) {
         if (message.isNoted) return { token: 'quarantined' };`,
    ],
  ]),

  /** One relayed recipient made the others outgoing, but for the domains of a host_list read once. */
  isIncoming: altered([
    [
      'tdc/haraka/message.js',
      '        relayClient,\n',
      '        relayClient,\n        relaying: transaction._relaying ?? relayClient,\n',
    ],
    [
      'tdc/decide/decision.js',
      'function isIncoming(message, recipient, settings) {',
      `const hostList = require('node:fs').readFileSync(process.env.HARAKA + '/config/host_list', 'utf8').split('\\n');
       function isIncoming(message, recipient, settings) {
         return !message.relaying || (!message.relayClient && hostList.includes(recipient.domain));`,
    ],
  ]),
}

function altered(changes: readonly (readonly [file: string, from: string, to: string])[]): Install {
  const [[file, from, to] = ['', '', ''], ...others] = changes
  return others.reduce<Install>(
    (install, [file, from, to]) => alteredBuild(file, from, to, install),
    alteredBuild(file, from, to),
  )
}
