import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { Night, PLANS } from '../support/situations'
import { openPage, startBrowser } from './browser'

for (const plan of PLANS)
  describe(`the page in Chromium, in situations of a real server: ${plan.title}`, function () {
    this.timeout(60_000)
    let browser: Browser
    let night: Night

    before(async () => {
      night = await Night.begin(plan)
      browser = await startBrowser()
    })
    after(async () => {
      await browser?.close()
      await night?.over()
    })

    for (const situation of plan.situations) {
      const { reason, state, missing } = situation
      it(`${reason || 'all is well'}: its banner says ${state}`, async function () {
        const lacking = missing?.()
        if (lacking !== undefined) {
          console.log(`      ${lacking}`)
          this.skip()
        }
        await night.become(situation)
        const look = { viewport: { width: 1180, height: 1000 } }
        const { page, context, complaints } = await openPage(browser, night.origin, look)
        // What is handed to a worker that is stopped waits for it; asked again another one answers.
        const load = () => page.goto(`${night.origin}/tdc/`, { timeout: 5_000 })
        await load().catch(load).catch(load)
        await page.locator(`#state[data-state=${state}]`).waitFor()
        const notices = page.locator('#notices')
        if (reason === '') assert.equal(await notices.isVisible(), false)
        else await notices.filter({ hasText: `${reason}:` }).waitFor()
        // Of the other machines nothing is known while Redis is away.
        const isMeant = (text: string) => night.redis !== undefined && /\b503\b/.test(text)
        assert.deepEqual(
          complaints.filter((text) => !isMeant(text)),
          [],
        )
        await context.close()
        await situation.end?.(night)
      })
    }
  })
