import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { need } from '../support/needs'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Debian's Chromium without a window. */
export function startBrowser(): Promise<Browser> {
  const executablePath = need('test:page', 'chromium', 'chromium')
  return chromium.launch({ executablePath, args: FLAGS })
}

/** A page, and all that it should not do. */
export interface WatchedPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[]
  /** Requests to anywhere but the server. */
  readonly strayed: string[]
}

type ContextOptions = Parameters<Browser['newContext']>[0]

export async function openPage(
  browser: Browser,
  origin: string,
  options: ContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  const strayed: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) strayed.push(request.url())
  })
  return { page, context, complaints, strayed }
}
