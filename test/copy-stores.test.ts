import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import type { CopyRecord } from '../plugins/tdc/queue/copy-store'
import { type Disk, type DiskFile, systemDisk } from '../plugins/tdc/queue/disk'
import { CopyLog } from '../plugins/tdc/queue/log/copy-log'
import { parseHead, readHead } from '../plugins/tdc/queue/queue-file'
import { RedisServer, whatIsMissing } from './cluster/redis-server'
import { TestQueue } from './support/queue'
import { pass, SharedProcess } from './support/shared-process'

/** A store, as a process has it that ends at any moment, and what others find then. */
interface Tried {
  readonly queue: TestQueue
  append(record: CopyRecord, signal: AbortSignal): Promise<unknown>
  end(stored: unknown, durably?: 'durably'): Promise<unknown>
  /** The contents that as many processes find, which begin together when this one has ended. */
  found(processes: number): Promise<Buffer[][]>
  close(): Promise<void>
}

const [SHORT, LONG] = [20, 200]

/** Each in its queue file. */
async function files(): Promise<Tried> {
  const queue = new TestQueue()
  return {
    queue,
    append: async (record, signal) => {
      signal.throwIfAborted()
      await queue.write(record)
      return record.name
    },
    end: (name) => queue.disk.unlink(queue.directory.pathOf(name as string)),
    found: async () => {
      const names = readdirSync(queue.path).filter((name) => queue.directory.isOwnName(name))
      for (const name of names) {
        assert.equal(typeof (await readHead(queue.disk, queue.directory.pathOf(name))), 'object')
      }
      return [names.map((name) => queue.content(name))]
    },
    close: async () => queue.remove(),
  }
}

async function log(): Promise<Tried> {
  const queue = new TestQueue()
  const report = (event: (typeof queue.events)[number]) => void queue.events.push(event)
  const newFolder = () => queue.directory.newLogFolder()
  const open: DiskFile[] = []
  const create: Disk['create'] = async (path) => {
    const file = await systemDisk.create(path)
    open.push(file)
    return file
  }
  const store = new CopyLog({
    disk: { ...systemDisk, create },
    clock: queue.clock,
    report,
    newFolder,
  })
  return {
    queue,
    append: (record, signal) => store.append(record, signal),
    end: (stored, durably) => store.end(stored as CopyRecord, durably),
    found: async (processes) => {
      const others = Array.from({ length: processes }, () => new TestQueue(undefined, queue.path))
      const all = await Promise.all(
        others.map(async (other, at) => {
          const brought: string[] = []
          await other
            .takeover(process.pid + 1 + at)
            .takeFrom(queue.directory.logFolder, (filename) => brought.push(filename))
          return brought.map((name) => other.content(name))
        }),
      )
      return all
    },
    close: async () => {
      for (const file of open) await file.close()
      queue.remove()
    },
  }
}

async function redis(server: RedisServer): Promise<Tried> {
  await server.command('FLUSHALL')
  const { sections } = server
  const own = await new SharedProcess(sections, 'mx1').start()
  const processes = [own]
  return {
    queue: own.queue,
    append: (record, signal) => own.store.append(record, signal),
    end: (stored, durably) => own.store.end(stored as CopyRecord, durably),
    found: async (count) => {
      await own.quiet()
      own.store.close()
      const others = Array.from(
        { length: count },
        (_, at) => new SharedProcess(sections, `mx${at + 2}`),
      )
      processes.push(...others)
      await Promise.all(others.map((other) => other.start()))
      await pass(others, 21_000)
      return Promise.all(
        others.map((other) =>
          Promise.all([...other.store.list()].map((stored) => other.store.read(stored))),
        ),
      )
    },
    close: async () => {
      for (const each of processes) each.close()
    },
  }
}

/** What the way of a message relies on, whatever its copies are written to. */
const BEHAVIOURS: readonly {
  readonly what: string
  readonly act: (
    tried: Tried,
  ) => Promise<{ readonly left: readonly CopyRecord[]; readonly takers?: number }>
}[] = [
  {
    what: 'what was written is found, octet for octet',
    act: async (tried) => ({ left: await appended(tried, SHORT) }),
  },
  {
    what: 'an empty store has nothing',
    act: async () => ({ left: [] }),
  },
  {
    what: 'what has ended is not found',
    act: async (tried) => {
      const left = await appended(tried, SHORT, async (stored, at) => {
        if (at % 2 === 0) await tried.end(stored)
      })
      return { left: left.filter((_, at) => at % 2 === 1) }
    },
  },
  {
    what: 'nor what was withdrawn',
    act: async (tried) => {
      const left = await appended(tried, SHORT, async (stored, at) => {
        if (at > 2) await tried.end(stored, 'durably')
      })
      return { left: left.slice(0, 3) }
    },
  },
  {
    what: 'what was given up before it began is not found',
    act: async (tried) => {
      const signal = AbortSignal.abort(new Error('too late'))
      await assert.rejects(
        async () => tried.append(tried.queue.record('T.0.tdc1'), signal),
        /too late/,
      )
      return { left: [] }
    },
  },
  {
    what: 'many are found once, however many look for them',
    act: async (tried) => ({ left: await appended(tried, LONG), takers: 3 }),
  },
]

async function appended(
  tried: Tried,
  count: number,
  then: (stored: unknown, at: number) => Promise<void> = async () => {},
): Promise<CopyRecord[]> {
  const records = Array.from({ length: count }, (_, at) => tried.queue.record(`T.${at}.tdc1`))
  const { signal } = new AbortController()
  const one = async ({ name, content }: CopyRecord, at: number) =>
    then(await tried.append({ name, content }, signal), at)
  await Promise.all(records.map(one))
  return records
}

describe('where copies are', function () {
  this.timeout(60_000)
  let server: RedisServer | undefined
  before(async () => {
    const missing = whatIsMissing()
    if (missing !== undefined) console.log(`      ${missing}`)
    else server = await RedisServer.start()
  })
  after(() => server?.close())

  const stores = { files, log, redis }
  for (const [name, open] of Object.entries(stores)) {
    describe(name, () => {
      for (const { what, act } of BEHAVIOURS) {
        it(what, async function () {
          if (open === redis && !server) return this.skip()
          const tried = await open(server as RedisServer)
          const { left, takers = 1 } = await act(tried)
          const found = (await tried.found(takers)).flat()
          assert.deepEqual(
            midsIn(found),
            left
              .map(({ content }) => content)
              .map(midIn)
              .sort(),
          )
          const texts = new Set(found.map(String))
          assert.ok(left.every(({ content }) => texts.has(String(content))))
          await tried.close()
        })
      }
    })
  }
})

function midIn(content: Buffer): string {
  const head = parseHead(content.length, content)
  return typeof head === 'string' ? head : head.mid
}

function midsIn(contents: readonly Buffer[]): string[] {
  return contents.map(midIn).sort()
}
