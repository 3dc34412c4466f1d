/**
 * `npm run pictures [-- MINUTES]`: pictures of the page for the documents, of a real gateway that mail
 * has flowed through for so long: when all is well, then when its intake refuses.
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

/** Milliseconds between two looks of the server at its intakes. */
const LOOKS_EVERY = 11_000

/** Of so many copies the intake puts one off. */
const PUT_OFF_ONE_OF = 40

/** Milliseconds between two mails at the most, on an average day and while the intake refuses. */
const USUAL = 1500
const BUSY = 150

/** Milliseconds for which it refuses all. */
const OUTAGE = 40_000

type Look = Parameters<Browser['newContext']>[0]

const DESK: Look = { viewport: { width: 1180, height: 1000 }, colorScheme: 'light' }
const DARK: Look = { ...DESK, colorScheme: 'dark' }
const PHONE: Look = { viewport: { width: 390, height: 844 }, colorScheme: 'light' }

type Picture = readonly [name: string, look: Look, hash: string]

const WELL: readonly Picture[] = [
  ['page-light', DESK, '#message=1@example.net'],
  ['page-dark', DARK, '#message=1@example.net'],
  ['page-phone', PHONE, ''],
]
const FAILING: readonly Picture[] = [
  ['page-failing', DESK, ''],
  ['page-failing-phone', { ...PHONE, colorScheme: 'dark' }, ''],
  ['page-intake', DESK, '#intake=scan.example'],
]

async function main(minutes: number): Promise<void> {
  const { path, httpPort } = await startPageGateway([], { nodes: 2 })
  const dice = new Dice(1)
  let asked = 0
  path.onCopy = () =>
    Promise.resolve(++asked % PUT_OFF_ONE_OF === 0 ? '451 4.3.0 try later' : undefined)
  try {
    await sendFor(path, dice, minutes * MINUTE, USUAL)
    const browser = await startBrowser()
    const origin = `http://127.0.0.1:${httpPort}`
    for (const each of WELL) await picture(browser, origin, each)
    path.onCopy = () => Promise.resolve('550 5.7.1 Message refused by policy')
    await sendFor(path, dice, OUTAGE, BUSY)
    await sleep(LOOKS_EVERY)
    for (const each of FAILING) await picture(browser, origin, each)
    await browser.close()
  } finally {
    await path.close()
  }
}

/** More and fewer mails, as a day has them. */
async function sendFor(
  path: MailPath,
  dice: Dice,
  milliseconds: number,
  pause: number,
): Promise<void> {
  const start = Date.now()
  for (let at = 0; Date.now() - start < milliseconds; at++) {
    await path.send(mailAbout(`number ${at}`, { raw: messageNumber(at) }))
    const wave = 1 + Math.sin((Date.now() - start) / (4 * MINUTE))
    await sleep(100 + dice.below(pause) * wave)
  }
}

function messageNumber(at: number): Buffer {
  return Buffer.from(`Message-ID: <${at}@example.net>\r\nSubject: number ${at}\r\n\r\nBody.\r\n`)
}

async function picture(browser: Browser, origin: string, of: Picture): Promise<void> {
  const [name, look, hash] = of
  const { page, context } = await openPage(browser, origin, look)
  await page.goto(`${origin}/tdc/${hash}`)
  await page.getByText('Live', { exact: true }).waitFor()
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
