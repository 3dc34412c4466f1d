import { join } from 'node:path'
import type { HarakaServer } from '../support/haraka'
import { queueNames } from '../support/queue-names'
import { run } from '../support/run'

/**
 * Runs a gateway with a file system of its own as its queue directory. The mount is in the process's
 * own namespace: it goes with the process, whatever happens. `$queue` stands for the directory.
 */
export function underMount(mount: string): (serverDir: string) => readonly string[] {
  const script = `queue="$0/queue"; mkdir -p "$queue" && ${mount} && exec "$@"`
  return (serverDir) => ['unshare', '--mount', 'sh', '-c', script, serverDir]
}

export const tmpfs = (size: string) => underMount(`mount -t tmpfs -o size=${size} tmpfs "$queue"`)

/** An ext4 file system in a file, made now. */
export const ext4 = (image: string, options: string) =>
  underMount(
    `truncate -s 64M ${image} && mkfs.ext4 -q ${options} ${image} && ` +
      `mount -o loop ${image} "$queue" && rmdir "$queue/lost+found"`,
  )

/** The queue directory as the gateway itself sees it. */
export function queueOf({ pid, dir }: HarakaServer): string {
  return join(`/proc/${pid}/root`, dir, 'queue')
}

export function queueFilesOf(haraka: HarakaServer): string[] {
  return queueNames(queueOf(haraka))
}

export async function remount({ pid, dir }: HarakaServer, options: string): Promise<void> {
  const mount = ['mount', '-o', `remount,${options}`, join(dir, 'queue')]
  await run('nsenter', ['--target', String(pid), '--mount', ...mount])
}
