import { benchMessages } from './message'
import { nodemailerSending } from './nodemailer-sending'
import { poolSending } from './pool-sending'
import { answer } from './program'
import type { Order, SenderKind, Sent } from './sender'
import type { Sending, Target } from './sending'

const KINDS: Readonly<Record<SenderKind, (target: Target) => Sending>> = {
  pool: poolSending,
  nodemailer: nodemailerSending,
}

answer<Order>(async ({ kind, target, count, warm, oneByOne, size }): Promise<Sent> => {
  const messages = benchMessages(count + warm, size)
  const sending = KINDS[kind](target)
  await Promise.all(messages.splice(0, warm).map((message) => sending.send(message)))
  const start = performance.now()
  const cpu = process.cpuUsage()
  if (oneByOne) for (const message of messages) await sending.send(message)
  else await Promise.all(messages.map((message) => sending.send(message)))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await sending.close()
  return { seconds, cpuSeconds: (user + system) / 1e6 }
})
