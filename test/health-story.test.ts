import assert from 'node:assert/strict'
import { Night, SITUATIONS } from './support/situations'

/** With real servers: what is wrong is said by all who are asked, and the same. */
describe('a night with a real Haraka', function () {
  this.timeout(60_000)
  let night: Night

  before(async () => {
    night = await Night.begin()
  })
  after(() => night.over())

  for (const situation of SITUATIONS) {
    const { reason, state } = situation
    it(`${reason || 'all is well'}: ${state}, on the command line, on the page and in the metrics`, async () => {
      const view = await night.become(situation)
      assert.equal(view.state, state, view.wrong.join('; '))
      const { code, out } = await night.path.haraka.tdc('status')
      assert.equal(code, state === 'ok' ? 0 : 1)
      const [first = '', ...lines] = out.split('\n')
      assert.equal(first, `State         ${state}`)
      assert.ok(reason === '' || lines.some((line) => line.includes(`${reason}:`)), out)
      const metrics = await night.metrics()
      if (reason !== '') {
        assert.match(metrics, new RegExp(`^haraka_tdc_health\\{reason="${reason}"\\} [12]$`, 'm'))
      }
      await situation.end?.(night.path)
    })
  }

  it('had a line in the log when a trouble began', () => {
    const lines = night.path.haraka.lines.entries.filter((line) => /TDC: Trouble: /.test(line))
    assert.ok(
      lines.some((line) => /scan\.example (?:refusing|losing): /.test(line)),
      lines.join('\n'),
    )
  })
})
