import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { differenceInJournal, differenceInPlainCopy } from './corpora/comparison'
import { messagesIn } from './corpora/folders'
import { makeTempDir } from './support/temp-dir'

const MESSAGE = 'Subject: a\r\nX-IronPort-RemoteIP: 192.0.2.9\r\n\r\none\r\r\ntwo\rthree\r\n'
const ATTACHED = 'Subject: a\r\n\r\none\r\ntwo three\r\n'

const journal = (attached: string) =>
  Buffer.from(
    'Content-Type: multipart/mixed;\r\n\tboundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n' +
      'Recipient: m0@x\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n' +
      `X-IronPort-RemoteIP: 127.0.0.1\r\n${attached}\r\n--b--\r\n`,
  )

const plainCopy = (attached: string) =>
  Buffer.from(
    'X-CSE-ClientIP: 127.0.0.1\r\nX-CSE-MailFrom: <a@x>\r\nX-CSE-RcptTo: <m0@x>\r\n' +
      `X-CSE-MsgDirection: Incoming\r\nX-Haraka-TDC: v=1;\r\n\tmac=00\r\n${attached}`,
  )

/** What must be seen when somebody breaks it. */
const BROKEN: Readonly<Record<string, string>> = {
  'an octet is another': ATTACHED.replace('one', 'onE'),
  'an octet is missing': ATTACHED.replace('one', 'on'),
  'a line end is missing at the end': ATTACHED.slice(0, -2),
  'a line end more at the end': `${ATTACHED}\r\n`,
  'the forged field is still there': MESSAGE.replace('\r\r', '\r').replace('o\rt', 'o t'),
  'a bare CR became a line end': ATTACHED.replace('two three', 'two\r\nthree'),
  'a field more': `X-Other: 1\r\n${ATTACHED}`,
}

describe('the comparison of copies with what mailboxes got', () => {
  const original = Buffer.from(MESSAGE)

  it('finds nothing in a right copy', () => {
    const plain = Buffer.from(MESSAGE.replace(/X-Iron.*\r\n/, ''))
    assert.equal(differenceInJournal(original, journal(ATTACHED), '127.0.0.1'), undefined)
    assert.equal(differenceInPlainCopy(plain, plainCopy(ATTACHED)), undefined)
  })

  for (const [what, attached] of Object.entries(BROKEN)) {
    it(`tells when ${what}`, () => {
      assert.notEqual(differenceInJournal(original, journal(attached), '127.0.0.1'), undefined)
    })
  }

  it('tells when the address of the client is another one', () => {
    assert.match(differenceInJournal(original, journal(ATTACHED), '127.0.0.9') ?? '', /begin with/)
  })

  it('reads mbox, Maildir and .eml', () => {
    const folder = makeTempDir('corpus')
    for (const name of ['cur', 'tmp']) mkdirSync(join(folder, name))
    const from = 'From a@x Fri Nov 20 10:00:00 2026\n'
    writeFileSync(join(folder, 'box'), `${from}Subject: 1\n\nFrom me\n\n${from}Subject: 2\n\nb\n`)
    writeFileSync(join(folder, 'cur', '1.host:2,S'), 'Subject: 3\n\nc')
    writeFileSync(join(folder, 'tmp', '2.host'), 'Subject: half')
    writeFileSync(join(folder, 'one.eml'), 'Subject: 4\r\n\r\nd\re\r\n')
    assert.deepEqual(
      [...messagesIn(folder)].map(({ raw }) => raw.toString()),
      [
        'Subject: 1\r\n\r\nFrom me\r\n\r\n',
        'Subject: 2\r\n\r\nb\r\n',
        'Subject: 3\r\n\r\nc\r\n',
        'Subject: 4\r\n\r\nd\re\r\n',
      ],
    )
  })
})
