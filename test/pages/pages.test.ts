/** The pages for people, of hosts that really listen, in a real browser. */
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { startHono } from '../interop/support.js'
import { runHere } from '../support/doctor-command.js'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { ADMIN_TOKEN, startHouse } from './house.js'
import { launch, open, VIEWS, type Seen } from './screen.js'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

/** Chromium says that of every page whose status is an error. It is no fault of the page. */
const STATUS = /^error: Failed to load resource: the server responded with a status of 401/

function expectNothingWrong(
  { complaints, elsewhere, overflow, brokenWords, barriers, html }: Seen,
  secrets: readonly string[] = [],
): void {
  expect(complaints.filter((line) => !STATUS.test(line))).toEqual([])
  expect(elsewhere).toEqual([])
  expect(overflow).toBe(0)
  expect(brokenWords).toEqual([])
  expect(barriers).toEqual([])
  expect(secrets.filter((secret) => html.includes(secret))).toEqual([])
}

describe('the page at the URL of a server', () => {
  for (const view of VIEWS) {
    verifies(['WHO-06', 'WHO-08'], `of a guarded Hono server, ${view.name}`, async () => {
      const idp = await FakeIdp.start()
      const resourceName = 'Notes of the support team'
      const options = { authorizationServers: ISSUER, fetch: idp.fetch, resourceName }
      const server = await startHono(options)
      onTestFinished(() => server.stop())
      const seen = await open(browser, { url: server.url, view, picture: 'server' })
      expect(seen.status).toBe(401)
      expect(seen.html).toContain(`<h1>${resourceName}</h1>`)
      expectNothingWrong(seen)
    })
  }
})

describe('the pages of a gateway', () => {
  for (const view of VIEWS) {
    verifies(['WHO-06', 'WHO-07', 'WHO-08'], `for users and operators, ${view.name}`, async () => {
      const { url, adminUrl, secrets } = await startHouse()
      const atTheDoor = await open(browser, { url, view, picture: 'gateway' })
      expect(atTheDoor.status).toBe(401)
      expectNothingWrong(atTheDoor, secrets)
      const password = ADMIN_TOKEN
      const inside = await open(browser, { url: adminUrl, view, picture: 'admin', password })
      expect(inside.status).toBe(200)
      expect(inside.html).toContain('>ERR_TOKEN_AUDIENCE</td>')
      expectNothingWrong(inside, secrets)
    })
  }
})

describe('the report of the doctor', () => {
  for (const view of VIEWS) {
    verifies(['DOC-09', 'WHO-08'], `about a gateway, ${view.name}`, async () => {
      const { url, secrets } = await startHouse()
      const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-page-')), 'doctor.html')
      expect((await runHere([url, '--html', file])).code).toBe(1)
      expect(readFileSync(file, 'utf8')).toContain('class="error"')
      const seen = await open(browser, { url: pathToFileURL(file).href, view, picture: 'doctor' })
      expectNothingWrong(seen, secrets)
    })
  }
})
