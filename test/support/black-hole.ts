import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** More connections than a listener with a backlog of 1 keeps on any system. */
const MOST = 16
/** A loopback connection that does not stand by then will not. */
const PATIENCE = 300

/** Listens with the shortest backlog, tells its port, and never accepts. */
const LISTENER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.once('error', ({ code }) => parentPort.postMessage({ code }))
  server.listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage({ port: server.address().port })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

/** An address on which nothing answers a SYN: connecting to it can only time out. */
export interface BlackHole {
  readonly port: number
  /** False where the system takes connections all the same. */
  readonly works: boolean
  close(): Promise<void>
}

export async function startBlackHole(place: { host: string; port: number }): Promise<BlackHole> {
  const worker = new Worker(LISTENER, { eval: true, workerData: place })
  const [{ port, code }] = (await once(worker, 'message')) as [{ port?: number; code?: string }]
  if (port === undefined) throw Object.assign(new Error(`no black hole: ${code}`), { code })
  const filling: Socket[] = []
  let works = false
  while (!works && filling.length < MOST) {
    const socket = connect({ ...place, port }).on('error', () => undefined)
    filling.push(socket)
    works = !(await connects(socket))
  }
  return {
    port,
    works,
    async close() {
      for (const socket of filling) socket.destroy()
      await worker.terminate()
    },
  }
}

function connects(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), PATIENCE)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
