/**
 * A process of its own that keeps what a worker keeps for others, and then says how much all of its heap
 * has after a collection, in JSON: `octets` before there was anything, and then; `tracking` alone.
 * Arguments: messages that are tracked, copies that wait, octets of each text.
 */
import { Monitor } from '../../plugins/tdc/monitor/monitor'
import { Copy } from '../../plugins/tdc/queue/copy'
import { parseNotes } from '../../plugins/tdc/queue/copy-notes'
import { eventsWith } from './events'
import { memoryInUse } from './heap'
import { NOTES, TestQueue } from './queue'

const [messages = 0, copies = 0, octets = 0] = process.argv.slice(2).map(Number)

// Some have all of it, and most enough to be beyond every bound: making them is what takes time.
const long = (tag: number) => `${tag} `.padEnd(tag % 20 === 0 ? octets : octets / 32, 'long ')
const queue = new TestQueue()
const monitor = new Monitor({
  log: () => {},
  serviceName: () => 'NAME',
  now: () => 1.7e12,
  tracked: () => messages,
})

function track(message: number): void {
  const transaction = `${message}`.padStart(8, '0') + '-8E2C-4A51-9C21-0D9E6A1B2C3D.1'
  const all = eventsWith(long(message))
  // Some of each kind: all of them for each would only make the same text anew.
  const some = [0, 1, 2, 3].map((at) => all[(message * 4 + at) % all.length])
  for (const event of [all[0], ...some]) {
    if (!event) continue
    const named = 'mid' in event ? { ...event, mid: `${transaction}.tdc1` } : event
    monitor.report('transaction' in named ? { ...named, transaction } : named)
  }
}

function wait(copy: number): void {
  const mid = `T.${copy}.tdc1`
  const notes = parseNotes(JSON.parse(JSON.stringify({ ...NOTES, messageId: long(copy) })))
  if (typeof notes === 'string') throw new Error(notes)
  const place = { filename: mid, folder: queue.path, start: 4 }
  const made = new Copy(mid, notes, place, 0)
  queue.scheduler.schedule(made)
  const reason = `connection reset ${copy}`
  const failure = { kind: 'network', details: 'reset', reason } as const
  queue.courier.answer({ kind: 'failed', dcid: 1, failure }, made)
  queue.events.length = 0
}

async function main(): Promise<void> {
  const before = memoryInUse()
  for (let message = 0; message < messages; message++) track(message)
  const tracking = memoryInUse() - before
  for (let copy = 0; copy < copies; copy++) wait(copy)
  await queue.idle()
  const after = memoryInUse()
  console.log(JSON.stringify({ before, tracking, after }))
  if (monitor.tracking.size !== messages || queue.scheduler.size !== copies) process.exitCode = 1
  queue.remove()
}

void main()
