import assert from 'node:assert/strict'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'

interface Record {
  readonly origin?: string
  readonly message?: string
  readonly uuid?: string
  readonly result?: string
  readonly mid?: string
  readonly dcid?: number
  readonly intake?: string
  readonly message_id?: string
  readonly response?: string
  readonly attempts?: number
  readonly age?: number
}

describe('the log with format=json', function () {
  this.timeout(60_000)

  it('has what became of a copy as fields, once, with the tracking line', async () => {
    const stage = await Stage.start({
      'scan.example': {},
      'no.example': { script: [{ on: 'RCPT', reply: '550 5.1.1 Nobody' }] },
    })
    try {
      const server = await stage.gateway({
        domains: ['example.com', 'example.net'],
        config: { 'log.ini': '[main]\nlevel=info\ntimestamps=false\nformat=json\n' },
        tdc: `[main]
enabled=true
intake_address=journal@scan.example
[policy.net]
recipients=listed
recipient_list[]=@example.net
intake=custom
intake_address=journal@no.example
[policy.DEFAULT]
intake=default
[delivery]
port=${stage.port}
`,
      })
      const raw = Buffer.from('Subject: x\r\nMessage-ID: <1@sender.example>\r\n\r\nhello\r\n')
      const to = ['bob@example.com', 'eve@example.net']
      await sendMail(server, { from: 'ann@sender.example', to, raw })
      await server.waitForLine(/TDC: Message .* was successfully delivered/)
      await server.waitForLine(/TDC: Message .* delivery failed to .*: Hard Bounced/)

      const results = server.log.flatMap((line) => {
        // Other output stands in it too, such as what Haraka prints when it starts.
        const record = line.startsWith('{') ? (JSON.parse(line) as Record) : {}
        return record.result === undefined ? [] : [record]
      })
      assert.deepEqual(results.map(({ result }) => result).sort(), ['delivered', 'hard-bounced'])
      for (const record of results) {
        assert.match(record.message ?? '', /^TDC: Message \S+ (was successfully|delivery failed)/)
        assert.equal(record.origin, 'tdc')
        assert.equal(record.uuid, record.mid)
        assert.match(record.mid ?? '', /\.1\.tdc[12]$/)
        assert.equal(record.message_id, '<1@sender.example>')
        assert.equal(record.attempts, 1)
        assert(record.dcid !== undefined && record.dcid > 0)
        assert(record.age !== undefined && record.age >= 0 && record.age < 60)
      }
      const [delivered, bounced] = ['delivered', 'hard-bounced'].map((wanted) =>
        results.find(({ result }) => result === wanted),
      )
      assert.equal(delivered?.intake, 'journal@scan.example')
      assert.match(delivered?.response ?? '', /^250 /)
      assert.equal(bounced?.response, "5.1.0 - Unknown address error ('550', ['5.1.1 Nobody'])")
    } finally {
      await stage.close()
    }
  })
})
