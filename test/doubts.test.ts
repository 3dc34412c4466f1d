import assert from 'node:assert/strict'
import { ContentDigest } from '../plugins/tdc/queue/doubts'

const HEADER = ['From: a@far.example\r\n', 'Subject: 1\r\n']

describe('the digest of a message in doubt', () => {
  const digestOf = (
    text: string,
    { size = Infinity, header = HEADER, to = 'b@example.com' } = {},
  ) => {
    const digest = new ContentDigest(['a@far.example', to], header)
    const octets = Buffer.from(text)
    for (let at = 0; at < octets.length; at += size) {
      digest.add(octets.subarray(at, at + Math.min(size, octets.length)))
    }
    assert.equal(digest.end(), digest.end())
    return digest.end()
  }
  const message = (lines: number, head = 'Received: now\r\n') =>
    `${head}Subject: 1\r\n\r\n${'a line of text\r\n'.repeat(lines)}`

  // The longer one is not kept whole until somebody asks.
  for (const lines of [1, 300, 40_000]) {
    it(`is the same in whatever pieces ${lines} lines come, and whatever was written in the header`, () => {
      const whole = digestOf(message(lines))
      for (const size of lines < 1000 ? [1, 2, 3, 1000] : [1000, 65_536]) {
        assert.equal(digestOf(message(lines), { size }), whole)
      }
      assert.equal(digestOf(message(lines, 'Received: later\r\nX-Spam: no\r\n')), whole)
    })

    it(`is another for another body of ${lines} lines, another header of the client's, another recipient`, () => {
      const whole = digestOf(message(lines))
      assert.notEqual(digestOf(`${message(lines)}.`), whole)
      assert.notEqual(digestOf(message(lines), { header: HEADER.slice(1) }), whole)
      assert.notEqual(digestOf(message(lines), { to: 'c@example.com' }), whole)
    })
  }
})
