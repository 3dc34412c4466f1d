import { hostText, type RedisHost } from './redis-ini'

/**
 * Where the primary is, by what more of the Sentinels say than anything else: one that was cut off may still name the
 * one before. Who cannot change that any more is not waited for. Rejects when none knows it.
 */
export function agreedPrimary(answers: readonly Promise<RedisHost>[]): Promise<RedisHost> {
  return new Promise((resolve, reject) => {
    const votes = new Map<string, { readonly primary: RedisHost; count: number }>()
    let open = answers.length
    let why: unknown
    const counted = () => {
      open--
      const [first, second] = [...votes.values()].sort((one, other) => other.count - one.count)
      if (first && first.count > (second?.count ?? 0) + open) resolve(first.primary)
      else if (open > 0) return
      else if (first) resolve(first.primary)
      else reject(why)
    }
    for (const answer of answers) {
      answer
        .then(
          (primary) => {
            const vote = votes.get(hostText(primary)) ?? { primary, count: 0 }
            vote.count++
            votes.set(hostText(primary), vote)
          },
          (error: unknown) => (why = error),
        )
        .finally(counted)
    }
  })
}
