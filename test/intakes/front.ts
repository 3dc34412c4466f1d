import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** What stands before a server: it answers some connections itself and passes the others on. */
export interface Front {
  readonly port: number
  close(): void
}

/** Answers a connection in place of the server. */
export type Answer = (near: Socket) => void

/** `answers` is asked for each connection; undefined: it goes to the server at `port`. */
export async function startFront(
  port: number,
  answers: () => Answer | undefined,
  { host = '127.0.0.1', at = 0 } = {},
): Promise<Front> {
  const server = createServer((near) => {
    near.on('error', () => near.destroy())
    const answer = answers()
    if (answer) return answer(near)
    const far = connect(port, '127.0.0.1')
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  }).listen(at, host)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

export const notAvailable: Answer = (near) => near.end('421 4.3.2 Service not available\r\n')

/** It has its reasons only when TLS is to begin. */
export const noTlsNow: Answer = (near) => {
  near.write('220 mx.intake.example ESMTP\r\n')
  near.on('data', (line: Buffer) => {
    const isEhlo = /^EHLO/i.test(line.toString())
    near.write(
      isEhlo ? '250-mx.intake.example\r\n250 STARTTLS\r\n' : '454 4.7.0 TLS not available\r\n',
    )
  })
}
