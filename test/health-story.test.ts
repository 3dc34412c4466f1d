import assert from 'node:assert/strict'
import { REASONS } from '../plugins/tdc/monitor/health'
import { Night, PLANS } from './support/situations'

it('every reason has a night with a real Haraka', () => {
  const made = PLANS.flatMap(({ situations }) => situations.map(({ reason }) => reason))
  assert.deepEqual(made.filter(Boolean).sort(), Object.keys(REASONS).sort())
})

/** With real servers: what is wrong is said by all who are asked, and the same. */
for (const plan of PLANS) {
  describe(`a night with a real Haraka: ${plan.title}`, function () {
    this.timeout(60_000)
    let night: Night

    before(async () => {
      night = await Night.begin(plan)
    })
    after(() => night?.over())

    /** The server looks every ten seconds. */
    const troubleIsLogged = (): Promise<void> => {
      const { lines } = night.path.haraka
      const isTrouble = (line: string): boolean =>
        /TDC: Trouble: scan\.example (?:refusing|losing): /.test(line)
      return lines.until(
        () => lines.entries.some(isTrouble),
        20_000,
        () => night.path.haraka.tail(),
      )
    }

    for (const situation of plan.situations) {
      const { reason, state, says, missing } = situation
      it(`${reason || 'all is well'}: ${state}, on the command line, on the page and in the metrics`, async function () {
        const lacking = missing?.()
        if (lacking !== undefined) {
          console.log(`      ${lacking}`)
          this.skip()
        }
        const view = await night.become(situation)
        assert.equal(view.state, state, JSON.stringify(view.wrong))
        const { code, out } = await night.path.haraka.tdc('status')
        assert.equal(code, state === 'ok' ? 0 : 1)
        const [first = '', ...lines] = out.split('\n')
        assert.equal(first, `State         ${state}`)
        assert.ok(reason === '' || lines.some((line) => line.includes(`${reason}:`)), out)
        if (says) assert.match(out, says)
        await night.untilMetrics(
          new RegExp(
            `^haraka_tdc_health\\{reason="${reason || 'losing'}"\\} ${reason ? '[12]' : '0'}$`,
            'm',
          ),
        )
        await situation.end?.(night)
      })
      // Before the next one is a server of its own.
      if (reason === 'slow')
        it('a trouble that began has a line in the log', () => troubleIsLogged())
    }
  })
}
