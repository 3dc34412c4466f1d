import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/run'

/** Unpacked packages stay here until the next `npm ci`. */
const CACHE = join(repository, 'node_modules', '.cache', 'intakes')

/** Of no use to a daemon in a mount of its own, and large. */
const NOT_NEEDED =
  /^(cron|bcron|anacron|systemd|cdebconf|debconf|guile|fonts|sphinx|mailcap|lib(newt|textwrap))/

/**
 * A Debian package that cannot be installed beside Postfix, or need not be: downloaded with all that it
 * depends on and this system has not, and unpacked into a folder. Undefined where that is not possible.
 */
export function unpacked(name: string, ...more: readonly string[]): string | undefined {
  const root = join(CACHE, name)
  if (existsSync(join(root, 'complete'))) return root
  try {
    rmSync(root, { recursive: true, force: true })
    const debs = join(root, 'debs')
    mkdirSync(debs, { recursive: true })
    const missing = dependencies([name, ...more]).filter(
      (each) => !isInstalled(each) && !NOT_NEEDED.test(each),
    )
    execFileSync('apt-get', ['download', '-q', ...missing], { cwd: debs, stdio: 'ignore' })
    for (const deb of readdirSync(debs)) execFileSync('dpkg', ['-x', join(debs, deb), root])
    rmSync(debs, { recursive: true })
    // Debian's own system has these inside /usr.
    for (const folder of ['lib', 'bin', 'sbin']) {
      if (!existsSync(join(root, folder))) continue
      cpSync(join(root, folder), join(root, 'usr', folder), {
        recursive: true,
        verbatimSymlinks: true,
      })
      rmSync(join(root, folder), { recursive: true })
    }
    writeFileSync(join(root, 'complete'), '')
    return root
  } catch {
    return undefined
  }
}

function dependencies(names: readonly string[]): string[] {
  const no = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances']
  const args = ['depends', '--recurse', ...no.map((relation) => `--no-${relation}`), ...names]
  const text = execFileSync('apt-cache', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return [...new Set(text.split('\n').filter((line) => /^[a-z0-9]/.test(line)))]
}

function isInstalled(name: string): boolean {
  try {
    const status = ['-W', '-f', '${db:Status-Status}', name]
    return execFileSync('dpkg-query', status, { encoding: 'utf8', stdio: 'pipe' }) === 'installed'
  } catch {
    return false
  }
}

/**
 * The command line of a shell script that sees the unpacked package as installed: over /usr, /etc and
 * /var lie its files and the folder `changes`, in a mount namespace that goes with the process. `users`
 * are made there, `$0` is the user id of nobody.
 */
export function inside(
  root: string,
  changes: string,
  users: readonly string[],
  script: string,
): readonly string[] {
  const overlays = ['usr', 'etc', 'var'].flatMap((folder) => {
    const [upper, work] = [join(changes, folder), join(changes, `${folder}.work`)]
    for (const each of [upper, work, join(root, folder)]) mkdirSync(each, { recursive: true })
    const layers = `lowerdir=${join(root, folder)}:/${folder},upperdir=${upper},workdir=${work}`
    return [`mount -t overlay overlay -o ${layers} /${folder}`]
  })
  const accounts = users.flatMap((user, at) => [
    `grep -q ^${user}: /etc/passwd || echo ${user}:x:${UID + at}:${UID + at}::/nonexistent:/bin/sh >>/etc/passwd`,
    `grep -q ^${user}: /etc/group || echo ${user}:x:${UID + at}: >>/etc/group`,
  ])
  const all = ['set -e', ...overlays, ...accounts, 'set +e', script]
  return ['unshare', '--mount', 'sh', '-c', all.join('\n')]
}

/** Of the first of those users. */
const UID = 31_000
