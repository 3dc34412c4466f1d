import cluster from 'node:cluster'
import { parseDocument, type SharedDocument, textOf } from './shared-document'

/** Between the processes of one machine; Haraka's own messages have an `event` too. */
type Message =
  { readonly event: 'tdc.shared-wanted' } | { readonly event: 'tdc.shared'; readonly text: string }

/** In the master: every worker has what it has, those that start later as well. */
export function spreadToWorkers(current: () => SharedDocument): () => void {
  const message = (): Message => ({ event: 'tdc.shared', text: textOf(current()) ?? '' })
  cluster.on('message', (worker, received: unknown) => {
    if (isMessage(received) && received.event === 'tdc.shared-wanted') {
      worker.send(message(), () => {})
    }
  })
  return () => {
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker?.isConnected()) worker.send(message(), () => {})
    }
  }
}

/** In a worker: what the master has, now and whenever it is another. */
export function takeFromMaster(take: (document: SharedDocument) => void): void {
  process.on('message', (received: unknown) => {
    if (!isMessage(received) || received.event !== 'tdc.shared') return
    const parsed = parseDocument(received.text)
    if (parsed.kind === 'document') take(parsed.document)
  })
  const wanted: Message = { event: 'tdc.shared-wanted' }
  if (process.connected) process.send?.(wanted, undefined, undefined, () => {})
}

function isMessage(value: unknown): value is Message {
  const event = (value as { event?: unknown } | null)?.event
  return event === 'tdc.shared' || event === 'tdc.shared-wanted'
}
