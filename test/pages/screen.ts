/** One look at a page: on a phone or on a desk, by day or by night. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import axe from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { chromiumPath } from './chromium.js'

export interface View {
  readonly name: string
  readonly width: number
  readonly scheme: 'light' | 'dark'
}

export const VIEWS: readonly View[] = [360, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((scheme) => ({ name: `${width}-${scheme}`, width, scheme })),
)

/** The pictures; Git ignores the folder. */
const PICTURES = resolve(
  process.env['GATEHOUSE_SCREENSHOTS'] ?? join(import.meta.dirname, '../../.cache/screenshots'),
)

/** What a person would stumble over, and what our pages must not do. Each list is empty when all is well. */
export interface Seen {
  readonly status: number | undefined
  /** Errors and warnings of the console: violations of the policy of the page are among them. */
  readonly complaints: readonly string[]
  /** Addresses outside of the origin of the page that it asked for. */
  readonly elsewhere: readonly string[]
  /** Pixels by which the page is wider than the screen. */
  readonly overflow: number
  /** Words that go on in another line, which happens in columns that are too narrow. */
  readonly brokenWords: readonly string[]
  /** Rules of axe that are broken, each with the elements. */
  readonly barriers: readonly string[]
  readonly html: string
}

export interface Visit {
  readonly url: string
  readonly view: View
  /** The name of the picture, without the view. */
  readonly picture: string
  /** What the person types when the browser asks for one. */
  readonly password?: string
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath() })
}

export async function savePicture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

/** Runs in the page. */
function findBrokenWords(): string[] {
  const broken: string[] = []
  // A URL is not a word, and may be broken anywhere.
  const words = /(?<=^|[\s"(])[A-Za-z_]{2,28}(?=[\s"),.:;]|$)/g
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode() !== null) {
    const text = texts.currentNode
    for (const { 0: word, index } of (text.nodeValue ?? '').matchAll(words)) {
      const range = document.createRange()
      range.setStart(text, index)
      range.setEnd(text, index + word.length)
      const lines = new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top)))
      if (lines.size > 1) broken.push(word)
    }
  }
  return broken
}

async function barriersOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  // It runs in the page, where axe is a global.
  const { violations, incomplete } = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations", "incomplete"] })',
  )) as axe.AxeResults
  return [...violations, ...incomplete].map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
  )
}

/** Opens a page as a person does, keeps a picture of it, and tells what is wrong. */
export async function open(browser: Browser, visit: Visit): Promise<Seen> {
  const { url, view, picture, password } = visit
  const context = await browser.newContext({
    viewport: { width: view.width, height: 800 },
    colorScheme: view.scheme,
    ...(password !== undefined && { httpCredentials: { username: '', password } }),
  })
  const page = await context.newPage()
  const complaints: string[] = []
  const elsewhere: string[] = []
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) elsewhere.push(request.url())
  })
  const response = await page.goto(url, { waitUntil: 'load' })
  await savePicture(page, `${picture}-${view.name}`)
  const seen = {
    status: response?.status(),
    overflow: Number(
      await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      ),
    ),
    brokenWords: await page.evaluate(findBrokenWords),
    html: await page.content(),
    barriers: await barriersOf(page),
    complaints,
    elsewhere,
  }
  await context.close()
  return seen
}
