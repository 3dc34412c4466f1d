import assert from 'node:assert/strict'
import { ok } from '../plugins/tdc/base/answer'
import { Master, type Message, Worker, type WorkerLink } from '../plugins/tdc/control/processes'
import type { AnswerHere } from '../plugins/tdc/control/requests'
import { FakeClock } from './support/fake-clock'

const MASTER = 100
const STATUS = { ask: 'status' } as const

/** A master and its workers; a message arrives at once, unless its receiver is stopped. */
class Office {
  readonly clock = new FakeClock()
  readonly stopped = new Set<number>()
  readonly workers: Worker[] = []
  readonly asked: number[] = []
  readonly master: Master

  constructor(count: number) {
    const links = Array.from({ length: count }, (_, i) => this.link(i + 1))
    this.master = new Master(this.clock, () => links, this.answers(0))
    for (const link of links) this.workers.push(this.worker(link))
  }

  private link(worker: number): WorkerLink {
    const send = (message: Message) => {
      if (!this.stopped.has(worker)) this.workers[worker - 1]?.heard(message)
    }
    return { worker, pid: MASTER + worker, send }
  }

  private worker(link: WorkerLink): Worker {
    const toMaster = (message: Message) => {
      if (!this.stopped.has(0)) this.master.heard(link, message)
    }
    return new Worker(this.clock, toMaster, this.answers(link.worker), MASTER)
  }

  private answers(worker: number): AnswerHere {
    return () => {
      this.asked.push(worker)
      return ok(worker)
    }
  }
}

describe('gathering over processes', () => {
  it('the master asks all workers, not itself', async () => {
    const office = new Office(3)
    const { answers, silent } = await office.master.ask(STATUS)
    assert.deepEqual([answers, silent], [[ok(1), ok(2), ok(3)], []])
    assert.equal(office.clock.pending, 0)
  })

  it('any worker gathers, through the master', async () => {
    const office = new Office(3)
    const gathered = await office.workers[1]?.ask(STATUS)
    assert.deepEqual(gathered, { answers: [ok(1), ok(2), ok(3)], silent: [] })
  })

  it('a master without workers answers itself', async () => {
    assert.deepEqual(await new Office(0).master.ask(STATUS), { answers: [ok(0)], silent: [] })
  })

  it('a worker that does not answer within a second is named, the others count', async () => {
    const office = new Office(3)
    office.stopped.add(2)
    const gathering = office.workers[0]?.ask(STATUS)
    await office.clock.advance(1000)
    assert.deepEqual(await gathering, {
      answers: [ok(1), ok(3)],
      silent: [{ worker: 2, pid: MASTER + 2 }],
    })
  })

  it('when the master does not answer, a worker says what it knows itself', async () => {
    const office = new Office(2)
    office.stopped.add(0)
    const gathering = office.workers[0]?.ask(STATUS)
    await office.clock.advance(1500)
    const silent = [{ worker: 0, pid: MASTER }]
    assert.deepEqual(await gathering, { answers: [ok(1)], silent })
  })

  it('an answer that comes late, twice or unasked is nobody’s', async () => {
    const office = new Office(1)
    office.stopped.add(1)
    const gathering = office.master.ask(STATUS)
    await office.clock.advance(1000)
    const link = { worker: 1, pid: MASTER + 1, send: () => {} }
    for (const id of [1, 1, 77]) {
      office.master.heard(link, { event: 'tdc.answer', id, answer: ok('late') })
    }
    assert.deepEqual((await gathering).answers, [])
    office.stopped.clear()
    assert.deepEqual((await office.master.ask(STATUS)).answers, [ok(1)])
  })

  it('a replay of thousands may take minutes, and nobody waits for a worker that has ended', async () => {
    const office = new Office(2)
    office.stopped.add(1)
    const asked = { ask: 'replay', mid: '', intake: '', reason: '', since: 0 } as const
    const replay = office.master.ask(asked)
    let isOver = false
    void replay.then(() => (isOver = true))
    await office.clock.advance(300_000)
    assert.equal(isOver, false)
    office.master.ended(2)
    await office.clock.settle()
    assert.equal(isOver, false)
    office.master.ended(1)
    assert.deepEqual(await replay, { answers: [], silent: [{ worker: 1, pid: MASTER + 1 }] })
    assert.equal(office.clock.pending, 0)
  })

  it('what one process is to do is asked of one', async () => {
    const office = new Office(3)
    await office.workers[2]?.ask({ ask: 'send-test', intake: '' })
    assert.deepEqual(office.asked, [1])
  })
})
