/**
 * `npm run pictures [-- MINUTES]`: pictures of the page for the README, of a real gateway that mail
 * has flowed through for so long.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { Dice } from '../support/dice'
import { mailAbout, type MailPath } from '../support/mail-path'
import { startPageGateway } from '../support/page-gateway'
import { repository } from '../support/run'
import { openPage, startBrowser } from './browser'

const folder = process.env['PICTURES'] ?? join(repository, 'docs', 'images')
const MINUTE = 60_000

/** Milliseconds that the page has to show what there is. */
const SETTLE = 2500

/** Of so many copies the intake refuses one, and puts one off. */
const REFUSED_ONE_OF = 40

type Look = Parameters<Browser['newContext']>[0]

const LOOKS: Readonly<Record<string, Look>> = {
  'page-light': { viewport: { width: 1180, height: 1000 }, colorScheme: 'light' },
  'page-dark': { viewport: { width: 1180, height: 1000 }, colorScheme: 'dark' },
  'page-phone': { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
}

async function main(minutes: number): Promise<void> {
  const { path, httpPort } = await startPageGateway([], { nodes: 2 })
  const dice = new Dice(1)
  path.onCopy = () => Promise.resolve(dice.below(REFUSED_ONE_OF) === 0 ? verdict(dice) : undefined)
  try {
    await sendFor(path, dice, minutes * MINUTE)
    const browser = await startBrowser()
    const origin = `http://127.0.0.1:${httpPort}`
    for (const [name, look] of Object.entries(LOOKS)) await picture(browser, origin, name, look)
    await browser.close()
  } finally {
    await path.close()
  }
}

function verdict(dice: Dice): string {
  return dice.pick(['550 5.7.1 refused', '451 4.3.0 try later'])
}

/** More and fewer mails, as a day has them. */
async function sendFor(path: MailPath, dice: Dice, milliseconds: number): Promise<void> {
  const start = Date.now()
  for (let at = 0; Date.now() - start < milliseconds; at++) {
    await path.send(mailAbout(`number ${at}`, { raw: messageNumber(at) }))
    const wave = 1 + Math.sin((Date.now() - start) / (4 * MINUTE))
    await sleep(100 + dice.below(1500) * wave)
  }
}

function messageNumber(at: number): Buffer {
  return Buffer.from(`Message-ID: <${at}@example.net>\r\nSubject: number ${at}\r\n\r\nBody.\r\n`)
}

async function picture(browser: Browser, origin: string, name: string, look: Look): Promise<void> {
  const { page, context } = await openPage(browser, origin, look)
  await page.goto(`${origin}/tdc/`)
  await page.getByText('Live', { exact: true }).waitFor()
  await page.getByLabel('Message-ID, MID').fill('<1@example.net>')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('One message found').waitFor()
  await page.evaluate(() => window.scrollTo(0, 0))
  await sleep(SETTLE)
  await page.screenshot({
    path: join(folder, `${name}.png`),
    fullPage: process.env['WHOLE'] === '1',
  })
  await context.close()
}

main(Number(process.argv[2] ?? 10)).catch((error: Error) => {
  console.error(`pictures: ${error.message}`)
  process.exitCode = 1
})
