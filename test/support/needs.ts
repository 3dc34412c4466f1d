import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The path of a program, as the shell would find it. */
export function programPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

/** Ends this process with one line when a program that a suite is made of is missing. */
export function need(suite: string, program: string, debianPackage: string): string {
  const path = programPath(program)
  if (path !== undefined) return path
  console.error(`${suite}: ${program} is missing; install the Debian package ${debianPackage}`)
  process.exit(1)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
