import { type Clock, inTime } from '../../clock'
import { isSameRedis, type RedisAddress } from '../../haraka/redis-ini'
import type { Owner } from './owner'
import { RedisQueue, type SendOctets } from './redis-queue'

export interface Redis {
  /** `to`: default where redis.ini leads. */
  connect(to?: RedisAddress): Promise<{ readonly sendOctets: SendOctets; close(): void }>
  /** Where redis.ini leads; undefined: nowhere. */
  address(): RedisAddress | undefined
}

interface Opened {
  readonly queue: RedisQueue
  readonly redis: RedisAddress | undefined
}

/** Milliseconds for a connection, and for its first answer. */
const [CONNECT_TIME, ANSWER_TIME] = [3_000, 1_000]

/**
 * The ways to Redis. When redis.ini names another one, on one machine before the others, a process stays with the
 * first for as long as that has its copies: those who are still there would take them over.
 */
export class Ways {
  constructor(
    private readonly redis: Redis,
    private readonly clock: Clock,
    private readonly prefix: () => string,
  ) {}

  /** The owner is where the settings and redis.ini lead, so that new copies belong there; or nowhere yet. */
  isHome({ prefix, redis }: Owner): boolean {
    if (prefix !== this.prefix()) return false
    const wanted = redis && this.redis.address()
    return !redis || !wanted || isSameRedis(redis, wanted)
  }

  /**
   * Rejects when neither takes the owner. `begin` settles what is under way there. It goes to another Redis only if
   * the first takes it no more, and the other one knows it: that is a replica which was promoted.
   */
  async open(owner: Owner, begin: (queue: RedisQueue) => Promise<void>): Promise<Opened> {
    const wanted = this.redis.address()
    if (this.isHome(owner)) return this.openAt(wanted ?? owner.redis, owner, begin)
    return this.openAt(owner.redis, owner, begin).catch((error: unknown) =>
      this.openAt(wanted, owner, async (queue) => {
        const { kind } = await inTime(
          this.clock,
          queue.present(owner.name, false, undefined),
          ANSWER_TIME,
        )
        if (kind === 'gone') throw error
        return begin(queue)
      }),
    )
  }

  private async openAt(
    redis: RedisAddress | undefined,
    { prefix }: Owner,
    begin: (queue: RedisQueue) => Promise<void>,
  ): Promise<Opened> {
    const connecting = this.redis.connect(redis)
    const late = () => void connecting.then(({ close }) => close()).catch(() => {})
    const { sendOctets, close } = await inTime(this.clock, connecting, CONNECT_TIME, late)
    const queue = new RedisQueue(sendOctets, prefix, close)
    try {
      await begin(queue)
      return { queue, redis }
    } catch (error) {
      queue.close()
      throw error
    }
  }
}
