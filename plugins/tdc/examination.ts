import { join } from 'node:path'
import { systemClock } from './clock'
import { diagnose } from './doctor/doctor'
import type { Diagnosis } from './doctor/finding'
import { givingTo, makeQueueDirectory } from './doctor/given-files'
import { serverUserOf } from './doctor/server-user'
import type { Outbound } from './haraka/contract'
import { configFolder, serverDirectory } from './haraka/settings-files'
import { queueSettingOf } from './haraka/standalone-settings'
import { smtpMain } from './haraka/surroundings'
import type { HarakaPlugin } from './haraka/types'
import type { Settings } from './settings/settings'

/**
 * Does `make`, while Haraka is still whoever started it: the queue directory is there before, and the
 * key that is made with it belongs to the user that Haraka becomes.
 */
export function withFilesGiven<T>(plugin: HarakaPlugin, outbound: Outbound, make: () => T): T {
  const becomes = serverUserOf(smtpMain(plugin))
  const user = becomes.kind === 'user' ? becomes.user : undefined
  makeQueueDirectory(outbound.stats().queue_dir, user)
  return givingTo(join(configFolder(), 'tdc.key'), user, make)
}

/** What is wrong around a server that starts. */
export function diagnoseStart(
  plugin: HarakaPlugin,
  outbound: Outbound,
  { queue: { writeAhead, minFreeSpace } }: Pick<Settings, 'queue'>,
): Diagnosis[] {
  return diagnose({
    directory: serverDirectory(),
    queue: outbound.stats().queue_dir,
    user: serverUserOf(smtpMain(plugin)),
    starts: true,
    queueSetting: queueSettingOf(serverDirectory()),
    writesLog: writeAhead === 'log',
    minFreeSpace,
    now: systemClock.wall(),
  })
}
