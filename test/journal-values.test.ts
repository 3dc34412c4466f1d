import assert from 'node:assert/strict'
import { asciiAddress, headerDomain, mailboxPieces } from '../plugins/tdc/journal/ascii-address'
import { clientIpText } from '../plugins/tdc/journal/client-ip'
import { decodeWords } from '../plugins/tdc/journal/encoded-word'
import { recipientTexts, senderText } from '../plugins/tdc/journal/envelope'
import { headerField } from '../plugins/tdc/journal/header-field'
import { bounded, safeCut } from '../plugins/tdc/base/text'
import { asciiText, unfold } from '../plugins/tdc/journal/header-value'
import { messageIdText, parentMessageIdField } from '../plugins/tdc/journal/message-id'
import { subjectField, subjectText } from '../plugins/tdc/journal/subject'
import { HOSTILE_VALUES, anyText } from './support/journal'
import { Dice } from './support/dice'

function table<T>(rows: readonly [T, string][], show: (value: T) => string): void {
  for (const [value, result] of rows) {
    it(`${JSON.stringify(value)?.slice(0, 60)} is ${JSON.stringify(result.slice(0, 60))}`, () =>
      assert.equal(show(value), result))
  }
}

/** B words without padding, and Q words; the last may be padded. */
const WORD_LINES =
  /^Subject:( =\?utf-8\?(B\?([\w+/]{4})+|Q\?(=[0-9A-F]{2})+)\?=(\r\n)?)*( =\?utf-8\?B\?[\w+/=]+\?=)$/

describe('journal: encoded words', () => {
  table(
    [
      ['plain', 'plain'],
      ['=?utf-8?Q?gr=C3=BC=C3=9Fe_dich?=', 'grüße dich'],
      ['=?UTF-8?b?Z3LDvMOfZQ==?=', 'grüße'],
      ['=?iso-8859-1?q?gr=FC=DFe?= und =?us-ascii?q?mehr?=', 'grüße und mehr'],
      ['=?windows-1251?B?z/Do4uXy?=', 'Привет'],
      ['=?iso-2022-jp?B?GyRCJDMbKEI=?=', 'こ'],
      ['=?gb2312?B?xOO6ww==?=', '你好'],
      ['=?utf-8*de?q?=C3=BC?=', 'ü'],
      ['=?utf-8?Q?a?= =?utf-8?Q?b?=   =?utf-8?Q?c?= d', 'abc d'],
      ['=?utf-8?B?w7w?=', 'ü'],
      ['=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=', 'ü'],
      ['=?utf-8?Q?=C3?= x', '=?utf-8?Q?=C3?= x'],
      ['=?utf-8?Q?a=ZZ?=', '=?utf-8?Q?a=ZZ?='],
      ['=?utf-8?B?a!b?=', '=?utf-8?B?a!b?='],
      ['=?utf-8?B?A?=', '=?utf-8?B?A?='],
      ['=?utf-7?Q?+AA0ACg-?=', '=?utf-7?Q?+AA0ACg-?='],
      ['=?utf-8?X?a?=', '=?utf-8?X?a?='],
      ['=?utf-8?Q?spaces are seen?=', 'spaces are seen'],
      ['=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?=', '=?utf-8?Q?a?='],
      ['=?x?q?a?= =?utf-8?q?b?=', '=?x?q?a?= b'],
    ],
    decodeWords,
  )
})

describe('journal: subject', () => {
  table(
    [
      [undefined, ''],
      ['', ''],
      [' \n', ''],
      [' Hello\n', 'Hello'],
      [' folded\n here\r\n\tand there\n', 'folded here and there'],
      ['=?utf-8?Q?x=0D=0ARecipient:_evil@x?=', 'x  Recipient: evil@x'],
      ['a\r\nRecipient: evil', 'a  Recipient: evil'],
      ['a\u2028b\u2029c\u0085d\u202ee\0f', 'a b c d e f'],
      ['=?utf-16be?B?AGENCgBi?=', 'a\u0d0ab'],
      ['grüße', 'grüße'],
      ['x'.repeat(10_000), 'x'.repeat(980)],
      ['ü'.repeat(5000), 'ü'.repeat(490)],
      ['x' + 'ü'.repeat(5000), 'x' + 'ü'.repeat(489)],
    ],
    subjectText,
  )

  const long = 'word '.repeat(40).trim()
  table<string | undefined>(
    [
      [undefined, 'Subject: '],
      [' Hello\n', 'Subject: Hello'],
      ['=?ISO-8859-1?Q?gr=FC=DFe?= you', 'Subject: =?utf-8?B?Z3LDvMOfZSB5b3U=?='],
      ['=?utf-8?Q?a?=\n\t=?utf-8?Q?b?=', 'Subject: ab'],
      ['grüße', 'Subject: =?utf-8?B?Z3LDvMOfZQ==?='],
      ['=?utf-8?Q?x=0AB:_y?=', 'Subject: x B: y'],
      ['=?utf-8?Q?a b?=', 'Subject: a b'],
      ['=?utf-7?Q?+AAo-?=', 'Subject: =?utf-8?B?PT91dGYtNz9RPytBQW8tPz0=?='],
      ['a =? b', 'Subject: =?utf-8?B?YSA9PyBi?='],
      ['x'.repeat(5000), `Subject: ${'x'.repeat(900)}`],
    ],
    subjectField,
  )

  it('is folded where that loses nothing', () => {
    const field = subjectField(long)
    assert.ok(field.split('\r\n').length > 2)
    assert.ok(field.split('\r\n').every((line) => line.length <= 78 && line.trim() !== ''))
    assert.equal(unfold(field), `Subject: ${long}`)
    assert.equal(unfold(subjectField(`a${' '.repeat(200)}b`)), `Subject: a${' '.repeat(200)}b`)
  })

  it('is encoded in words of at most 75 characters on lines of at most 76', () => {
    for (const text of [
      'ü'.repeat(3000),
      '\u{1f4a9}'.repeat(300),
      'aü'.repeat(100),
      '漢'.repeat(99),
      `a${'漢'.repeat(99)}`,
      `aa${'漢'.repeat(99)}`,
      `ü${'漢'.repeat(99)}a`,
    ]) {
      const field = subjectField(text)
      assert.match(field, WORD_LINES)
      const lines = field.split('\r\n')
      assert.ok(lines.every((line) => line.length <= 76))
      assert.ok(lines.every((line) => line.trim().replace('Subject: ', '').length <= 75))
      assert.ok(unfold(field).length - 'Subject: '.length <= 900)
      const decoded = decodeWords(unfold(field).slice('Subject: '.length))
      assert.ok(decoded.length > 80 && text.startsWith(decoded))
    }
  })
})

describe('journal: message-id', () => {
  table(
    [
      [undefined, ''],
      ['', ''],
      [' <>\n', '<>'],
      [' <a@b>\n', '<a@b>'],
      ['\n <folded@example.net>\n', '<folded@example.net>'],
      [' <with space@b>\n', '<with space@b>'],
      ['<a@b>\r\nRecipient: evil', '<a@b>  Recipient: evil'],
      ['=?utf-8?Q?=0A?=', '=?utf-8?Q?=0A?='],
      [`<${'x'.repeat(2000)}@b>`, `<${'x'.repeat(979)}`],
    ],
    messageIdText,
  )

  it('is repeated for the readers that unwrap by it, or left out', () => {
    const name = 'X-MS-Exchange-Parent-Message-Id'
    const long = `<${'x'.repeat(60)}@b>`
    assert.deepEqual(parentMessageIdField(undefined), [])
    assert.deepEqual(parentMessageIdField(' \n'), [])
    assert.deepEqual(parentMessageIdField('<a@b>'), [`${name}: <a@b>`])
    assert.deepEqual(parentMessageIdField(long), [`${name}:\r\n\t${long}`])
    assert.deepEqual(parentMessageIdField('<ü@b>'), [`${name}: =?utf-8?B?PMO8QGI+?=`])
  })
})

describe('journal: envelope values', () => {
  it('keeps recipients in order, each once, comparing only domains without case', () => {
    const given = ['b@X.example', 'a@x.example', 'b@x.EXAMPLE', 'B@x.example', 'a@x.example', '\0']
    assert.deepEqual(recipientTexts(given), ['b@X.example', 'a@x.example', 'B@x.example'])
    const many = Array.from({ length: 10_000 }, (_, i) => `user${i}@example.com`)
    assert.deepEqual(recipientTexts([...many, ...many]), many)
  })

  table(
    [
      ['', '<>'],
      ['"a b"@x', '"a b"@x'],
      ['"a,b"@x', '"a,b"@x'],
      ['@a,@b:u@x', '@a,@b:u@x'],
      ['u@[IPv6:2001:db8::1]', 'u@[IPv6:2001:db8::1]'],
      ['grüße@bücher.example', 'grüße@bücher.example'],
      [`${'l'.repeat(64)}@${'d'.repeat(255)}`, `${'l'.repeat(64)}@${'d'.repeat(255)}`],
      ['a@b\r\nRecipient: c', 'a@b  Recipient: c'],
    ],
    senderText,
  )

  table(
    [
      ['203.0.113.7', '203.0.113.7'],
      ['2001:DB8::1', '2001:DB8::1'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::FFFF:cb00:7107', '203.0.113.7'],
      ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
      ['::203.0.113.7', '::203.0.113.7'],
      ['fe80::1%eth0', 'fe80::1%eth0'],
      ['unknown\r\nX: y', 'unknown  X: y'],
    ],
    clientIpText,
  )
})

describe('journal: values in the outer header', () => {
  table(
    [
      ['example.com', 'example.com'],
      ['bücher.example', 'xn--bcher-kva.example'],
      ['[192.0.2.1]', '[192.0.2.1]'],
      ['[IPv6:2001:db8::1]', '[IPv6:2001:db8::1]'],
      ['', 'invalid'],
      ['a b', 'invalid'],
      ['x>\r\nEvil: y', 'invalid'],
      ['d'.repeat(256), 'invalid'],
    ],
    headerDomain,
  )
  table(
    [
      ['tenant@intake.example.org', 'tenant@intake.example.org'],
      ['"a b"@x.example', '"a b"@x.example'],
      ['tenant@bücher.example', 'tenant@xn--bcher-kva.example'],
      ['grüße@bücher.example', 'postmaster@xn--bcher-kva.example'],
      ['a> <b@x.example', 'postmaster@x.example'],
      ['no-domain', 'no-domain@invalid'],
    ],
    asciiAddress,
  )
  table(
    [
      ['"Journal" <j@x.example>', 'From: "Journal" <j@x.example>'],
      ['Our Journal <j@x.example>', 'From: "Our Journal" <j@x.example>'],
      ['j@x.example', 'From: <j@x.example>'],
      ['Büro <j@x.example>', 'From: =?utf-8?B?QsO8cm8=?= <j@x.example>'],
      ['"a \\"b\\"" <j@x.example>', 'From: "a \\"b\\"" <j@x.example>'],
      ['a\r\nEvil: y <j@x.example>', 'From: "a  Evil: y" <j@x.example>'],
    ],
    (from) => headerField('From', mailboxPieces('From', from)),
  )
  it('cuts text between characters', () => {
    assert.equal(bounded('aüb', 2), 'a')
    assert.equal(bounded('aüb', 3), 'aü')
    assert.equal(bounded('\u{1f4a9}', 3), '')
    assert.equal(safeCut('ab  cd', 3), 'ab')
    assert.equal(asciiText('\u{1f4a9}a\tü'), '?a ?')
  })
})

describe('journal: any value', () => {
  const CONTROL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_C}]/u

  function check(value: string): void {
    for (const text of [subjectText(value), messageIdText(value), senderText(value)]) {
      assert.doesNotMatch(text, CONTROL)
      assert.ok(Buffer.byteLength(text) <= 980)
      assert.equal(text, text.trim())
    }
    const from = headerField('From', mailboxPieces('From', value))
    for (const field of [subjectField(value), from, ...parentMessageIdField(value)]) {
      const lines = field.split('\r\n')
      assert.ok(
        lines.every((line) => /^[\x20-\x7e\t]{1,998}$/.test(line)),
        field,
      )
      assert.ok(
        lines.slice(1).every((line) => /^[ \t]+[^ \t]/.test(line)),
        field,
      )
    }
    const outer = decodeWords(unfold(subjectField(value)).slice('Subject: '.length)).trim()
    const inner = subjectText(value)
    assert.ok(inner.startsWith(outer), `${JSON.stringify(outer)} of ${JSON.stringify(inner)}`)
    assert.match(asciiAddress(value), /^[\x20-\x7e]+@[\x21-\x7e]+$/)
    assert.match(clientIpText(value), /^[\x20-\x7e]*$/)
  }

  it('is one safe line', () => {
    for (const value of HOSTILE_VALUES) check(value)
    const dice = Dice.thrown('values')
    for (let round = 0; round < 3000; round++) check(anyText(dice))
  })
})
