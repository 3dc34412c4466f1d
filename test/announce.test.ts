import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import type { Internals } from '../plugins/tdc/haraka/contract'
import { announceDelivered } from '../plugins/tdc/haraka/loaded-item'
import { outbound, TestQueue } from './support/queue'

describe('a delivered copy of which other plugins are to hear', () => {
  it('stays where it is when its file cannot be read: core does not put it off', async () => {
    const queue = new TestQueue()
    const { name: filename, path } = queue.directory.newFile()
    writeFileSync(path, Buffer.from('\0\0\0\u0003{x}message', 'latin1'))
    const internals: Internals = {
      version: '',
      outbound: outbound(),
      hooks: { registered_hooks: { delivered: [{ plugin: 'listener' }] } },
    }
    const facts = { filename, path, ip: '', port: 0, host: '', response: '250 ok' }
    await announceDelivered(internals, facts)
    assert.equal(existsSync(path), true)
    queue.remove()
  })
})
