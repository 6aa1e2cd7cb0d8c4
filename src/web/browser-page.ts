/**
 * The page for a person who opens the URL of an MCP server in a browser. It is the body of the refusal
 * that a client gets, too.
 *
 * @module
 */
import { CLIENT_PLACES } from '../advice/client-places.js'
import { escapeHtml } from '../base/html.js'
import { PAGE_STYLE } from '../base/page-style.js'
import { answer, type GuardAnswer } from './answers.js'

interface BrowserPage {
  /** The URL to copy into a client. */
  readonly resource: string
  /** `undefined`: the page says only that it is an MCP server. */
  readonly name: string | undefined
  readonly requestId: string
}

/** A click selects all of a code. */
const STYLE = `${PAGE_STYLE}
body { max-width: 40rem; }
code { user-select: all; }
dt { font-weight: 600; margin-top: .75rem; } dd { margin: 0; }`

/** A nonce may have only these characters (CSP 3, "base64-value"). Without a nonce, the page has no style. */
const NONCE = /^[\w+/-]+$/

function pageHeaders(requestId: string): Readonly<Record<string, string>> {
  const style = NONCE.test(requestId) ? `'nonce-${requestId}'` : "'none'"
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `default-src 'none'; style-src ${style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    Vary: 'Accept',
  }
}

function pageBody({ resource, name, requestId }: BrowserPage): string {
  const title = escapeHtml(name ?? 'MCP server')
  const url = escapeHtml(resource)
  const clients = CLIENT_PLACES.map(({ title: client, where, typed }) => {
    const code =
      typed === undefined ? '' : `<code>${escapeHtml(typed).replace('URL', () => url)}</code>`
    return `<dt>${escapeHtml(client)}</dt><dd>${escapeHtml(where)}${code}</dd>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${escapeHtml(requestId)}">${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>This is the address of an MCP server: tools for an AI client, not a website. Give your client this URL, and it asks you to log in:</p>
<p><code>${url}</code></p>
<h2>Where to put it</h2>
<dl>
${clients.join('\n')}
</dl>
<h2>It does not connect?</h2>
<p>Ask your administrator, and tell them this number: <code>${escapeHtml(requestId)}</code></p>
</main>
</body>
</html>
`
}

/**
 * The same refusal as a page.
 *
 * @param refusal of a request without credentials
 */
export function toPage(
  { status, headers }: Pick<GuardAnswer, 'status' | 'headers'>,
  page: BrowserPage,
): GuardAnswer {
  return answer(status, { ...headers, ...pageHeaders(page.requestId) }, pageBody(page))
}
