import { constants } from 'node:fs'

/**
 * How a file is opened whose name was found in a folder: anything may stand under it. A named pipe is
 * not waited for, which takes one of node's few threads for ever, and a link is not followed. What is
 * opened so must be read by position: that is what a pipe refuses.
 */
export const FOUND = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** What opening or reading so says of what is no file: a folder, a link, a pipe, a socket. */
export const NO_FILE: ReadonlySet<string | undefined> = new Set([
  'EISDIR',
  'ELOOP',
  'ESPIPE',
  'ENXIO',
])
