import cluster from 'node:cluster'

/** Files that name this process are this one's: the only process has all, of workers each its own, the master none. */
export function hasFilesOf(pid: number): boolean {
  if (cluster.isWorker) return pid === process.pid
  return Object.keys(cluster.workers ?? {}).length === 0
}

/** In the master, `ended` is told of each worker that has. Haraka takes listeners off the cluster itself. */
export function watchWorkers(ended: (pid: number) => void): void {
  if (!cluster.isPrimary) return
  cluster.on('fork', (worker) => {
    worker.once('exit', () => ended(worker.process.pid ?? 0))
  })
}
