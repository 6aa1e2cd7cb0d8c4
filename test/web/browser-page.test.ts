/** The page for a person who opens the URL of an MCP server. */
import { describe, expect } from 'vitest'
import { createGuard } from '../../src/web/guard.js'
import { toPage } from '../../src/web/browser-page.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const ID = '3070f1ff-0902-49cf-b1e3-5e2ed7edab67'
const REFUSAL = {
  status: 401,
  headers: { 'WWW-Authenticate': 'Bearer x="y"', 'Cache-Control': 'no-store', 'X-Request-Id': ID },
}
const PAGE = { resource: RESOURCE, name: 'Tools', requestId: ID }

describe('the page', () => {
  verifies('WHO-06', 'has the URL to copy, a line for each client, and the request id', () => {
    const { status, headers, body } = toPage(REFUSAL, PAGE)
    expect(status).toBe(401)
    expect(headers).toMatchObject(REFUSAL.headers)
    expect(body).toContain(`<p><code>${RESOURCE}</code></p>`)
    expect(body).toContain(`<dd><code>npx mcp-remote ${RESOURCE}</code></dd>`)
    expect(body.match(/<dt>/g)?.length).toBeGreaterThanOrEqual(6)
    expect(body).toContain(`<code>${ID}</code>`)
    expect(body).toContain('<title>Tools</title>')
    expect(toPage(REFUSAL, { ...PAGE, name: undefined }).body).toContain('<h1>MCP server</h1>')
  })

  verifies('WHO-06', 'loads and runs nothing', () => {
    const { headers, body } = toPage(REFUSAL, PAGE)
    expect(headers['Content-Security-Policy']).toBe(
      `default-src 'none'; style-src 'nonce-${ID}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    expect(headers).toMatchObject({
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    })
    expect(body).not.toMatch(
      /<script|<img|<link|<iframe|<form|\son\w+=|javascript:|\ssrc=|\shref=/i,
    )
  })

  verifies('WHO-06', 'is read by every person: language, width, light and dark', () => {
    const { body } = toPage(REFUSAL, PAGE)
    expect(body).toContain('<html lang="en">')
    expect(body).toContain('content="width=device-width, initial-scale=1"')
    expect(body).toContain('color-scheme: light dark')
    expect(body.match(/<main>|<h1>/g)).toEqual(['<main>', '<h1>'])
  })

  verifies('WHO-06', 'shows text of others as text, and lets no id into its policy', () => {
    const name = `<script>alert("1")</script>'&`
    const requestId = `x'; script-src *`
    const resource = 'https://mcp.example.com/<b>'
    const { headers, body } = toPage(REFUSAL, { name, requestId, resource })
    expect(body).toContain('<h1>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</h1>')
    expect(body).not.toMatch(/<script|<b>/)
    expect(headers['Content-Security-Policy']).toBe(
      "default-src 'none'; style-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
  })
})

verifies('WHO-06', 'its number is the one of the answer and of the event', async () => {
  const ids: string[] = []
  const guard = createGuard({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    resourceName: 'Our tools',
    onEvent: (event) => void ('requestId' in event && ids.push(event.requestId)),
  })
  const passage = await guard.handle({
    method: 'GET',
    path: '/mcp',
    mounted: false,
    authorization: undefined,
    origin: undefined,
    requestedHeaders: undefined,
    accept: 'text/html',
    sessionId: undefined,
  })
  const { headers, body } = passage as Extract<typeof passage, { readonly outcome: 'answer' }>
  expect(ids).toEqual([headers['X-Request-Id']])
  expect(body).toContain(`<code>${ids[0]}</code>`)
  expect(body).toContain('<title>Our tools</title>')
})
