/** Origins of browsers, extensions and apps: which can be allowed, and that they are compared exactly. */
import { ConfigurationError } from 'mcp-gatehouse'
import { protect, type Protect } from 'mcp-gatehouse/fetch'
import { expect } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

function allowing(origin: string, fetch?: typeof globalThis.fetch): Protect {
  return protect({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    allowOrigins: [origin],
    onEvent: false,
    ...(fetch !== undefined && { fetch }),
  })
}

const ORIGINS: readonly (readonly [origin: string, others: readonly string[]])[] = [
  [
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    [
      'chrome-extension://abcdefghijklmnopabcdefghijklmnoo',
      'moz-extension://abcdefghijklmnopabcdefghijklmnop',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop/',
      'CHROME-EXTENSION://abcdefghijklmnopabcdefghijklmnop',
      'null',
    ],
  ],
  ['moz-extension://0b0f1a52-5ad0-4bd5-8d4a-0c4f4a6d7e11', ['moz-extension://0b0f1a52']],
  ['app://obsidian.md', ['app://obsidian', 'app://obsidian.md:80', 'https://obsidian.md']],
  ['vscode-webview://0f2k3l4m5n6o7p', ['vscode-webview://']],
  ['capacitor://localhost', ['capacitor://localhost:8080', 'http://localhost']],
  ['app://localhost:3000', ['app://localhost']],
  ['app://[::1]:3000', ['app://[::1]']],
]

for (const [origin, others] of ORIGINS) {
  verifies('FLD-06', `${origin} can be allowed, and nothing beside it is`, async () => {
    const idp = await FakeIdp.start()
    const guard = allowing(origin, idp.fetch)
    const authorization = `Bearer ${await idp.token()}`
    const answerTo = async (from: string) =>
      guard(
        new Request(RESOURCE, { method: 'POST', headers: { origin: from, authorization } }),
        () => new Response('in'),
      )
    const answer = await answerTo(origin)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    for (const other of others) {
      const refused = await answerTo(other)
      expect(refused.status, other).toBe(403)
      expect(refused.headers.has('access-control-allow-origin')).toBe(false)
    }
  })
}

for (const text of [
  'null',
  '*',
  'file://',
  'file:///',
  'file://host',
  'about:blank',
  'about://blank',
  'data:text/html,x',
  'data://x',
  'blob:https://app.example.com/1',
  'blob://x',
  'https://app.example.com/',
  'https://*.example.com',
  'https://APP.example.com',
  'https://app.example.com:443',
  'https://user@app.example.com',
  'chrome-extension://*',
  'chrome-extension://ID',
  'Chrome-Extension://id',
  'chrome-extension://id/',
  'chrome-extension://id/page.html',
  'chrome-extension://id?x',
  'chrome-extension://id#x',
  'chrome-extension://user@id',
  'chrome-extension://id:99999',
  'chrome-extension://id:',
  'chrome-extension://id\n',
  'chrome-extension://é',
  'chrome-extension:',
  'chrome-extension:id',
  'app://',
  'app://a b',
  'app://a,app://b',
  '',
]) {
  verifies('FLD-06', `${JSON.stringify(text)} cannot be allowed`, () => {
    expect(() => allowing(text)).toThrow(ConfigurationError)
  })
}
