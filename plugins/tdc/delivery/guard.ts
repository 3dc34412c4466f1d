import { LIMITS, bounded } from '../base/text'
import type { Failure } from '../smtp/outcome'
import type { Outgoing } from '../smtp/outgoing'
import type { Opened, SendResult, Session, SessionMaker } from '../smtp/session'

/*
 * Session makers and sessions promise never to reject nor throw. Should one do it all the same, the
 * mistake costs the messages concerned an attempt, and not the connector its life.
 */

export async function openGuarded(
  open: SessionMaker,
  ...heard: Parameters<SessionMaker>
): Promise<Opened> {
  try {
    return await open(...heard)
  } catch (error) {
    return { kind: 'failed', dcid: 0, failure: mistake(error) }
  }
}

export async function sendGuarded(session: Session, message: Outgoing): Promise<SendResult> {
  try {
    return await session.send(message)
  } catch (error) {
    const outcome = { kind: 'failed', dcid: session.dcid, failure: mistake(error) } as const
    return { outcome, fault: 'copy', reusable: false }
  }
}

function mistake(error: unknown): Failure {
  return { kind: 'network', details: 'error', reason: bounded(String(error), LIMITS.sentence) }
}
