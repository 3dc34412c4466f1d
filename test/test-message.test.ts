import assert from 'node:assert/strict'
import { testMessage } from '../plugins/tdc/queue/test-message'

describe('the message of a test by hand', () => {
  it('is ASCII, as it says, and as long', async () => {
    const { original } = testMessage('T.1', 'mx.gateway.test', 0)
    const pieces: Buffer[] = []
    await original.read((piece) => void pieces.push(piece), new AbortController().signal)
    const text = Buffer.concat(pieces)
    assert.equal(text.length, original.octets)
    assert.match(text.toString('latin1'), /^Date: Thu, 01 Jan 1970 00:00:00 \+0000\r\n/)
    assert.doesNotMatch(text.toString('latin1'), /[^\r\n -~]/)
  })
})
