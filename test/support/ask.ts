import { connect } from 'node:net'

/** Writes the octets to a Unix socket and half-closes; all that comes back until it closes. */
export function ask(path: string, octets: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    const socket = connect({ path, allowHalfOpen: true })
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(pieces).toString()))
    socket.end(octets)
  })
}

/** The answers to requests, one line each. */
export async function askAll(path: string, ...requests: unknown[]): Promise<unknown[]> {
  const text = await ask(path, requests.map((request) => JSON.stringify(request) + '\n').join(''))
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}
