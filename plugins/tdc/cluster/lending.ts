import cluster from 'node:cluster'
import type { SourceFiles } from '../settings/source'
import { parseDocument, type SharedDocument, documentText } from './shared-document'

/** Between the processes of one machine; Haraka's own messages have an `event` too. */
type Message =
  | { readonly event: 'tdc.shared-wanted' | 'tdc.settings-wanted' }
  | { readonly event: 'tdc.shared'; readonly text: string }
  | { readonly event: 'tdc.settings'; readonly files?: SourceFiles | undefined }

/** In the master: every worker has what it has, those that start later as well. */
export function spreadToWorkers(current: () => SharedDocument): () => void {
  const message = (): Message => ({ event: 'tdc.shared', text: documentText(current()) ?? '' })
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
  ask({ event: 'tdc.shared-wanted' })
}

/** In the master: what its settings are made of, for each worker that asks. */
export function lendSettings(current: () => SourceFiles | undefined): void {
  cluster.on('message', (worker, received: unknown) => {
    if (!isMessage(received) || received.event !== 'tdc.settings-wanted') return
    const message: Message = { event: 'tdc.settings', files: current() }
    worker.send(message, () => {})
  })
}

/** In a worker, once; undefined: the master has none either. */
export function borrowSettings(take: (files: SourceFiles | undefined) => void): void {
  const listen = (received: unknown): void => {
    if (!isMessage(received) || received.event !== 'tdc.settings') return
    process.off('message', listen)
    take(received.files)
  }
  process.on('message', listen)
  ask({ event: 'tdc.settings-wanted' })
}

function ask(wanted: Message): void {
  if (process.connected) process.send?.(wanted, undefined, undefined, () => {})
}

const EVENTS: ReadonlySet<unknown> = new Set<Message['event']>([
  'tdc.shared-wanted',
  'tdc.shared',
  'tdc.settings-wanted',
  'tdc.settings',
])

function isMessage(value: unknown): value is Message {
  const event = (value as { event?: unknown } | null)?.event
  return EVENTS.has(event)
}
