import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'

/** The root of this repository. */
export const repository = dirname(dirname(__dirname))

/** For `node -r`: what lets a process of Node load TypeScript. */
export const TYPESCRIPT = join(repository, 'scripts', 'typescript.js')

/** Runs a program to its end; its standard output, or an error that shows what it printed. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; milliseconds?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      {
        cwd: options.cwd ?? repository,
        env: options.env ?? process.env,
        timeout: options.milliseconds ?? 60_000,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        const printed = `${stdout}\n${stderr}`.trim()
        reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${printed}`))
      },
    )
  })
}

/** A program of this repository's development dependencies, run by this Node. */
export function runScript(
  path: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; milliseconds?: number } = {},
): Promise<string> {
  return run(process.execPath, [join(repository, 'node_modules', path), ...args], options)
}
