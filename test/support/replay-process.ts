import { systemDisk } from '../../plugins/tdc/queue/disk'
import { TestQueue } from './queue'

/** A process with a queue on the directory of another one: told to, it replays all and says what. */
const [path = ''] = process.argv.slice(2)
const queue = new TestQueue(systemDisk, path)
process.once('message', () => {
  void queue
    .replay()
    .replay()
    .then(() =>
      process.send?.(
        queue.courier.held.map(({ mid }) => mid),
        () => process.exit(),
      ),
    )
})
process.send?.('ready')
