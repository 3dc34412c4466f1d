import cluster, { type Worker as ClusterWorker } from 'node:cluster'
import type { Clock } from '../clock'
import { Master, type WorkerLink } from './master'
import { isMessage, type Message } from './messages'
import type { AnswerHere, Processes } from './processes'
import { Worker } from './worker'

/** The processes of this server over Node's cluster, from whichever of them this is. */
export function processesOf(clock: Clock, here: AnswerHere): Processes {
  return cluster.isPrimary ? master(clock, here) : worker(clock, here)
}

function master(clock: Clock, here: AnswerHere): Processes {
  const links = () =>
    Object.values(cluster.workers ?? {}).flatMap((each) =>
      each?.isConnected() ? linkTo(each) : [],
    )
  const made = new Master(clock, links, here)
  cluster.on('message', (from, message: unknown) => {
    if (isMessage(message)) made.heard(linkTo(from), message)
  })
  return made
}

function linkTo(worker: ClusterWorker): WorkerLink {
  return {
    worker: worker.id,
    pid: worker.process.pid ?? 0,
    // A worker that ends meanwhile is one that does not answer.
    send: (message) => void worker.send(message, () => {}),
  }
}

function worker(clock: Clock, here: AnswerHere): Processes {
  const send = (message: Message): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {})
  }
  const made = new Worker(clock, send, here, process.ppid)
  process.on('message', (message: unknown) => {
    if (isMessage(message)) made.heard(message)
  })
  return made
}
