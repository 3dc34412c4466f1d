import type { RedisServer } from './redis-server'

/** One thing that happens to Redis under load. */
export interface Trouble {
  readonly name: string
  /** Milliseconds that it lasts. */
  readonly lasts: number
  begin(redis: RedisServer): Promise<unknown> | void
  end(redis: RedisServer): Promise<unknown> | void
}

const SETTINGS = 'tdc:settings'
const nothing = () => {}

/** Longer than the machines wait for an answer (cluster/link.ts). */
const LONG = 4_500
const SHORT = 2_000

export const TROUBLES: readonly Trouble[] = [
  {
    name: 'killed, and restarted with nothing in it',
    lasts: SHORT,
    begin: (redis) => redis.kill9(),
    end: (redis) => redis.start(),
  },
  {
    name: 'frozen (SIGSTOP)',
    lasts: LONG,
    begin: (redis) => redis.pause(),
    end: (redis) => redis.go(),
  },
  {
    name: 'slow (CLIENT PAUSE)',
    lasts: SHORT,
    begin: (redis) => redis.command('CLIENT', 'PAUSE', String(SHORT), 'ALL'),
    end: nothing,
  },
  { name: 'emptied', lasts: SHORT, begin: (redis) => redis.command('FLUSHALL'), end: nothing },
  {
    name: 'garbage in place of the settings',
    lasts: SHORT,
    begin: (redis) => redis.command('SET', SETTINGS, '{"format":1,"revision":"many"'),
    end: (redis) => redis.command('DEL', SETTINGS),
  },
  {
    name: 'a list in place of the settings',
    lasts: SHORT,
    async begin(redis) {
      await redis.command('DEL', SETTINGS)
      await redis.command('LPUSH', SETTINGS, 'x')
    },
    end: (redis) => redis.command('DEL', SETTINGS),
  },
  {
    name: '20 megabytes in place of the settings',
    lasts: SHORT,
    begin: (redis) => redis.command('SETRANGE', SETTINGS, '20000000', 'x'),
    end: (redis) => redis.command('DEL', SETTINGS),
  },
  {
    name: 'garbage in place of the reports',
    lasts: SHORT,
    async begin(redis) {
      await redis.command('SET', 'tdc:machines', 'x')
      await redis.command('SET', 'tdc:machine:mx2', 'x')
    },
    end: (redis) => redis.command('DEL', 'tdc:machines', 'tdc:machine:mx2'),
  },
]
