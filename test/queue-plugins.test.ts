import assert from 'node:assert/strict'
import { wayOf } from '../plugins/tdc/haraka/queue-plugins'

const CORE = '/usr/lib/node_modules/haraka'

function discard() {}
const core = { name: 'queue/discard', plugin_path: `${CORE}/plugins/queue/discard.js`, discard }
const heir = { name: 'aliases', plugin_path: '/srv/haraka/node_modules/x', aliases() {}, discard }

describe('what a queue plugin does in its turn', () => {
  it('core is known by its place, not by the name alone', () => {
    assert.equal(wayOf([core, 'discard'], CORE), 'discard')
    assert.equal(wayOf([{ ...core, plugin_path: '/srv/queue/discard.js' }, 'discard'], CORE), 'own')
    assert.equal(wayOf([core, 'discard'], ''), 'own')
  })

  it('what it inherits from a plugin of core it does as that does', () => {
    const aliases = { ...heir, base: { 'queue/discard': core } }
    assert.equal(wayOf([aliases, 'discard'], CORE), 'discard')
    assert.equal(wayOf([aliases, 'aliases'], CORE), 'own', 'not its own turns')
    const ownWay = { ...aliases, discard() {} }
    assert.equal(wayOf([ownWay, 'discard'], CORE), 'own', 'nor its own way')
  })
})
