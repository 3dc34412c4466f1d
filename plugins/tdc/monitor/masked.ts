import { type IntakeStatus, mergeQueue, type QueueFigures, type Status } from './status'
import type { TrackedMessage } from './tracked'

/** A local part (RFC 5321 section 4.1.2), in quotes or not, or what looks like one. */
const LOCAL_PART = /(?:"(?:[^"\\]|\\.){0,64}"|[^\s<>()[\],;:"]{1,1000})@/g

/** A text in which addresses, and whatever looks like one, show their domain only. */
export function masked(text: string): string {
  return text.includes('@') ? text.replace(LOCAL_PART, '***@') : text
}

/** The same without addresses; the Message-ID tells which message it is. */
export function messageWithoutAddresses(message: TrackedMessage): TrackedMessage {
  return {
    ...message,
    sender: masked(message.sender),
    recipients: message.recipients.map(masked),
    steps: message.steps.map((step) => ({ ...step, text: masked(step.text) })),
  }
}

/** The same without addresses: the intakes of one domain are one. */
export function statusWithoutAddresses(status: Status): Status {
  return {
    ...status,
    intake: status.intake === null ? null : masked(status.intake),
    problems: status.problems.map(masked),
    queue: figuresWithout(status.queue),
    intakes: intakesWithout(Object.entries(status.intakes)),
    errors: status.errors.map((error) => ({ ...error, text: masked(error.text) })),
  }
}

function intakesWithout(intakes: readonly [string, IntakeStatus][]): Record<string, IntakeStatus> {
  const groups = new Map<string, IntakeStatus[]>()
  for (const [address, figures] of intakes) {
    const name = masked(address)
    groups.set(name, [...(groups.get(name) ?? []), figuresWithout(figures)])
  }
  return Object.fromEntries(
    [...groups].map(([name, all]) => [name, { ...mergeQueue(all), domain: all[0]?.domain ?? '' }]),
  )
}

function figuresWithout<T extends QueueFigures>(figures: T): T {
  const { lastFailure } = figures
  if (!lastFailure) return figures
  return { ...figures, lastFailure: { ...lastFailure, text: masked(lastFailure.text) } }
}
