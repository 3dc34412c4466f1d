import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { DelayOptions } from './delay'
import { answer } from './program'

/** What comes from one side goes to the other later, piece for piece and in order. */
function carry(from: Socket, to: Socket, milliseconds: number): void {
  const later = (then: () => void) => void setTimeout(then, milliseconds)
  from.setNoDelay(true)
  from.on('data', (bytes: Buffer) => later(() => to.writable && to.write(bytes)))
  from.on('end', () => later(() => to.end()))
  from.on('error', () => later(() => to.destroy()))
}

answer<DelayOptions>(
  ({ host, port, milliseconds }) =>
    new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (near) => {
        const far = connect({ host, port, allowHalfOpen: true })
        carry(near, far, milliseconds)
        carry(far, near, milliseconds)
      })
      server.once('error', reject)
      server.listen(0, host, () => resolve((server.address() as AddressInfo).port))
    }),
)
