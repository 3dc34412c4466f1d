/** Connections that one worker can number before it would reach the next one's numbers. */
const PER_WORKER = 10_000_000

/**
 * Destination connection ids, integers unique among the workers of a machine (spec 6): 1, 2, 3 ...
 * in a single process (`worker` 0), 10000001 ... in the first worker. Haraka gives every worker that
 * it starts a number of its own, also those that replace dead ones.
 */
export function dcidSource(worker: number): () => number {
  let last = 0
  return () => worker * PER_WORKER + (last = (last % (PER_WORKER - 1)) + 1)
}
