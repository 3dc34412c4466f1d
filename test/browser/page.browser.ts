import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import type { StatusView } from '../../plugins/tdc/web/status-view'
import { ask } from '../support/http-client'
import { mailAbout } from '../support/mail-path'
import { type PageGateway, startPageGateway } from '../support/page-gateway'
import { openPage, startBrowser, type WatchedPage } from './browser'

const EVIL = '<img src=//evil.example/x onerror=alert(1)>'
/** A Message-ID, as hostile as a sender can make it. */
const EVIL_ID = `<"><script src=//evil.example/x></script>${EVIL}@evil.example>`

/** Says when the page has moved on; the status comes once a second. */
const MOVES = { timeout: 15_000 }

describe('the status page in Chromium, with a Haraka of two workers', function () {
  this.timeout(60_000)
  let browser: Browser
  let gateway: PageGateway
  let origin: string
  let watched: WatchedPage
  let page: Page

  before(async () => {
    gateway = await startPageGateway(['show_addresses=true'], { nodes: 2 })
    origin = `http://127.0.0.1:${gateway.httpPort}`
    browser = await startBrowser()
    watched = await openPage(browser, origin)
    page = watched.page
    await page.goto(`${origin}/tdc`)
    await live().waitFor()
  })
  after(async () => {
    await browser?.close()
    await gateway?.path.close()
  })

  const live = () => page.getByText('Live', { exact: true })
  /** The numbers in the table's row of that name. */
  const row = async (name: string) => {
    const found = page.locator('#intakes tr', { hasText: name }).first()
    return found.locator('td').allTextContents()
  }
  const untilDelivered = (count: number) =>
    page.waitForFunction(
      (least) =>
        Number(document.querySelector('#intakes tr td:nth-of-type(3)')?.textContent) >= least,
      count,
      MOVES,
    )
  const search = async (wanted: string) => {
    await page.getByLabel('Message-ID, MID').fill(wanted)
    await page.keyboard.press('Enter')
    await page.getByText(/ found\.$/).waitFor(MOVES)
    return page.locator('#found').innerText()
  }

  it('the table moves while mail flows', async () => {
    const { path } = gateway
    assert.deepEqual(await row('the.tdc.queue'), ['0', '0', '0', '0', '0'])
    await Promise.all([1, 2, 3, 4].map((at) => path.send(mailAbout(`first ${at}`))))
    await untilDelivered(4)
    await Promise.all([1, 2, 3].map((at) => path.send(mailAbout(`second ${at}`))))
    await untilDelivered(7)
    assert.deepEqual((await row('scan.example'))[2], '7')
    assert.match(await page.locator('#ended .legend').innerText(), /Delivered/)
    const drawn = await page.locator('#ended canvas').evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement
      const context = (canvas as HTMLCanvasElement).getContext('2d')
      return context?.getImageData(0, 0, width, height).data.some((value) => value > 0)
    })
    assert.ok(drawn, 'the chart is drawn')
    const { name } = (JSON.parse((await ask(gateway.httpPort, '/tdc/status')).body) as StatusView)
      .host
    assert.ok((await page.locator('#host').innerText()).startsWith(name) && name !== '')
    assert.match(await page.title(), new RegExp(`^ok: ${name} - `))
  })

  it('the figures of the chart are within reach of the keyboard, and in a table', async () => {
    await page.locator('#ended .plot').focus()
    await page.keyboard.press('Home')
    assert.match(await page.locator('#ended .legend').innerText(), /^\d\d:\d\d\s/)
    await page.locator('#ended summary').click()
    assert.ok((await page.locator('#ended tbody tr').count()) > 0)
    await page.getByLabel('last 24 hours').check()
    assert.ok((await page.locator('#ended tbody tr').count()) > 0)
  })

  it('a number leads to its messages, a message to its steps, each with a link of its own', async () => {
    const row = page.locator('#intakes tr', { hasText: 'scan.example' }).first()
    await row.locator('td').nth(2).locator('a').click()
    await page.getByText(/ of scan\.example, delivered found\.$/).waitFor(MOVES)
    assert.equal(await page.locator('#found > li').count(), 7)
    const first = page.locator('#found h3 a').first()
    await first.focus()
    await page.keyboard.press('Enter')
    await page.getByText('One message found.').waitFor(MOVES)
    assert.match(await page.locator('#found').innerText(), /delivered over DCID \d+/)
    const link = page.url()
    assert.match(link, /#message=[0-9A-F-]{36}\.1$/)
    const again = await watched.context.newPage()
    await again.goto(link)
    await again.getByText('One message found.').waitFor(MOVES)
    await again.close()
    await page.goBack()
    await page.getByText(/ of scan\.example, delivered found\.$/).waitFor(MOVES)
  })

  it('an intake has a view of its own: how it is, its charts, its messages, its files', async () => {
    const intake = page.locator('#intakes tr', { hasText: 'scan.example' }).first()
    await intake.locator('th a').focus()
    await page.keyboard.press('Enter')
    await page.locator('#intake-heading', { hasText: 'scan.example' }).waitFor(MOVES)
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'intake-heading')
    assert.match(page.url(), /#intake=scan\.example$/)
    assert.match(await page.title(), /^ok: scan\.example on /)
    assert.match(await page.locator('#intake-facts').innerText(), /In the queue\s+0\s/)
    await page.getByText(/^7 messages of scan\.example found\.$/).waitFor(MOVES)
    assert.equal(await page.getByText('the.tdc.queue').locator('visible=true').count(), 0)
    // The server looks at its intakes every ten seconds.
    for (let delivered = 0, tries = 0; delivered !== 7; tries++) {
      assert.ok(tries < 30, `${delivered} delivered`)
      await sleep(1000)
      await page.reload()
      await page
        .locator('#ended tbody tr')
        .first()
        .waitFor({ state: 'attached', ...MOVES })
      const texts = await page.locator('#ended tbody td:nth-of-type(1)').allTextContents()
      delivered = texts.reduce((sum, text) => sum + Number(text), 0)
    }
    for (const name of ['day', 'failures', 'lost', 'found']) {
      const href = (await page.locator(`#${name}-csv`).getAttribute('href')) ?? ''
      assert.match(href, /\?intake=scan\.example$/)
      assert.equal((await ask(gateway.httpPort, `/tdc/${href}`)).status, 200, href)
    }
    await page.getByRole('link', { name: 'Given up', exact: true }).click()
    await page.getByText(/^No message of scan\.example, given up found\.$/).waitFor(MOVES)
    await page.getByRole('link', { name: 'All', exact: true }).click()
    const steps = page.locator('#found details').first()
    await steps.locator('summary').focus()
    await page.keyboard.press('Enter')
    assert.match(await steps.innerText(), /queued for journal@scan\.example/)
    await page.getByRole('link', { name: 'All intakes' }).click()
    await page.locator('#last').waitFor(MOVES)
    assert.equal(await page.locator('#found > li').count(), 0)
  })

  it('an intake that refuses is a failure with its reason', async () => {
    const { path } = gateway
    path.onCopy = () => Promise.resolve(`550 5.7.1 ${EVIL}`)
    await path.send(mailAbout('refused'))
    await page.locator('#errors', { hasText: EVIL }).waitFor(MOVES)
    assert.deepEqual((await row('the.tdc.queue'))[4], '1')
    const group = page.locator('#failures tbody tr')
    await group.filter({ hasText: EVIL }).waitFor({ timeout: 30_000 })
    assert.match(await group.innerText(), /scan\.example\s+hard-bounce\s+1\s/)
    await group.getByRole('link', { name: '1', exact: true }).click()
    await page.getByText('One copy was given up so.').waitFor(MOVES)
    assert.match(page.url(), /#given-up=[\w-]{12}$/)
    await page.locator('#found h3 a').click()
    await page.getByText('One message found.').waitFor(MOVES)
    assert.match(await page.locator('#found').innerText(), /550/)
    path.onCopy = () => Promise.resolve(undefined)
  })

  it('search finds a message and tells its way', async () => {
    const { path } = gateway
    const raw = Buffer.from('Message-ID: <found@client.test>\r\nSubject: found\r\n\r\nBody.\r\n')
    await path.send(mailAbout('found', { raw }))
    await path.copy('found')
    const text = await search('found@client.test')
    assert.match(text, /<found@client\.test>/)
    assert.match(text, /queued for journal@scan\.example/)
    assert.match(text, /delivered over DCID \d+/)
    assert.match(await search('nobody@nowhere.test'), /^$/)
  })

  it('HTML in the subject, the addresses and the Message-ID is text', async () => {
    const { path } = gateway
    const from = `"<b/onmouseover=alert(1)>x</b>"@example.net`
    const raw = Buffer.from(`Message-ID: ${EVIL_ID}\r\nSubject: ${EVIL}\r\n\r\n${EVIL}\r\n`)
    await path.send(mailAbout('evil', { from, raw }))
    await path.intake.copies.first(({ raw }) => raw.includes(EVIL_ID), 10_000, 'no evil copy')
    const text = await search('bob@example.com')
    assert.ok(text.includes('<script src=//evil.example/x></script>'), text)
    assert.ok(text.includes('<b/onmouseover=alert(1)>x</b>'), text)
    assert.ok(!text.includes('Body.'))
    assert.equal(await page.locator('main img, main script, main b[onmouseover]').count(), 0)
  })

  it('can be used by everybody, as far as axe-core finds out, light and dark, wide and narrow', async () => {
    for (const hash of ['', '#intake=scan.example']) {
      await page.goto(`${origin}/tdc/${hash}`)
      await page.locator('#intakes tr', { hasText: 'scan.example' }).first().waitFor(MOVES)
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1200, 390, 360]) {
          await page.emulateMedia({ colorScheme })
          await page.setViewportSize({ width, height: 800 })
          assert.deepEqual(await axeFindings(page), [], `${hash} ${colorScheme} ${width}`)
          const wide = await page.evaluate(() => document.documentElement.scrollWidth)
          assert.ok(wide <= width, `the page is ${wide} wide on ${width}`)
          const cut = await page.evaluate(() =>
            [...document.querySelectorAll('.scroll')]
              .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
              .map(({ id }) => id),
          )
          assert.deepEqual(width === 360 ? [] : cut, [], `columns are cut on ${width}`)
        }
      }
    }
    await page.goto(`${origin}/tdc/`)
    await page.locator('#intakes tr').first().waitFor(MOVES)
  })

  it('a minute alone stands at the end of the chart, with its time', async () => {
    const label = () => page.locator('#ended .plot').getAttribute('aria-label')
    const [, begin = '', end = ''] =
      /, (\d\d:\d\d) to (\d\d:\d\d);/.exec((await label()) ?? '') ?? []
    const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
    assert.equal((minutes(end) - minutes(begin) + 1440) % 1440, 15)
    assert.equal(await page.locator('#ended tbody th').first().textContent(), end)
  })

  it('says in which time zone it speaks, and whether a clock is wrong', async () => {
    const options = { timezoneId: 'Asia/Kolkata' }
    const { page, context } = await openPage(browser, origin, options)
    await page.addInitScript(() => {
      const now = Date.now
      Date.now = () => now() + 3 * 60_000
    })
    await page.goto(`${origin}/tdc/`)
    await page.getByText("this browser's clock is 3 min ahead").waitFor(MOVES)
    const server = process.env['TZ'] ?? 'UTC'
    if (server === 'UTC') await page.getByText("UTC+05:30 here, UTC in the server's log").waitFor()
    await context.close()
  })

  it('takes no news while it is hidden', async () => {
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => value })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    const takenAt = () => page.locator('#taken-at time').getAttribute('datetime')
    await hide(true)
    const then = await takenAt()
    await sleep(1500)
    assert.equal(await takenAt(), then)
    await hide(false)
    await page.waitForFunction(
      (old) => document.querySelector('#taken-at time')?.getAttribute('datetime') !== old,
      then,
      MOVES,
    )
  })

  it('asked for nothing elsewhere, and had nothing to complain of', () => {
    assert.deepEqual(watched.strayed, [])
    assert.deepEqual(watched.complaints, [])
  })

  it('says which worker did not answer, and that it lost the server', async () => {
    const reply = await ask(gateway.httpPort, '/tdc/status')
    const { processes } = JSON.parse(reply.body) as StatusView
    const note = page.getByText(/did not answer, figures are missing/)
    // One of the two serves this page, and would say nothing.
    const missed: number[] = []
    for (const { pid } of processes) {
      process.kill(pid, 'SIGSTOP')
      await note.waitFor({ timeout: 5_000 }).catch(() => {})
      if (await note.isVisible()) missed.push(pid)
      process.kill(pid, 'SIGCONT')
      await note.waitFor({ state: 'hidden', ...MOVES })
    }
    assert.equal(missed.length, 1)
    for (const { pid } of processes) process.kill(pid, 'SIGSTOP')
    await page.getByText('The server says nothing, the figures are old').waitFor(MOVES)
    assert.match(await page.locator('#stale').innerText(), /all that stands here is of \d\d:\d\d/)
    assert.match(await page.title(), /^no news for \d+ s: /)
    for (const { pid } of processes) process.kill(pid, 'SIGCONT')
    await live().waitFor(MOVES)
    assert.equal(await page.locator('#stale').isVisible(), false)
    assert.doesNotMatch(await page.title(), /no news/)
    await gateway.path.haraka.kill9()
    await page.getByText('Connection lost, the figures are old').waitFor(MOVES)
  })
})

describe('the status page with a token, in Chromium', function () {
  this.timeout(60_000)
  const TOKEN = 'a-token-of-20-letters'
  let browser: Browser
  let gateway: PageGateway

  before(async () => {
    gateway = await startPageGateway([`token=${TOKEN}`])
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    await gateway?.path.close()
  })

  it('asks for it, says when it is wrong, and then shows the status', async () => {
    const origin = `http://127.0.0.1:${gateway.httpPort}`
    const { page, context, strayed } = await openPage(browser, origin)
    await page.goto(`${origin}/tdc/`)
    await page.getByLabel('Token').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('This is not the token.').waitFor()
    assert.deepEqual(await axeFindings(page), [])
    await page.getByLabel('Token').fill(TOKEN)
    await page.getByRole('button').click()
    await page.getByText('Live', { exact: true }).waitFor(MOVES)
    assert.equal(page.url(), `${origin}/tdc/`)
    assert.equal(await page.evaluate(() => document.cookie), '')
    assert.deepEqual(
      (await context.cookies()).map(({ httpOnly, sameSite, path }) => [httpOnly, sameSite, path]),
      [[true, 'Strict', '/tdc']],
    )
    await context.clearCookies()
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await page.getByText('The session is over: all that stands here is of').waitFor(MOVES)
    assert.deepEqual(strayed, [])
  })
})

interface Axe {
  run(): Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }>
}

/** Evaluated by the debugger: the page's own policy would not load it. */
async function axeFindings(page: Page): Promise<unknown[]> {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'))
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: Axe }).axe.run()
    return violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])
  })
}
