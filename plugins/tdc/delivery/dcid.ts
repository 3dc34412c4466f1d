/** Connections that one worker can number before it would reach the next one's numbers. */
const PER_WORKER = 10_000_000

/**
 * Destination connection ids, integers unique among the workers of a machine (spec 6): 1, 2, 3 ...
 * in a single process and in the first worker, 10000001 ... in the second. Node numbers the workers
 * of a cluster from 1, also those that replace dead ones; 0 stands for a single process.
 */
export function dcidSource(worker: number): () => number {
  let last = 0
  const base = Math.max(0, worker - 1) * PER_WORKER
  return () => base + (last = (last % (PER_WORKER - 1)) + 1)
}
