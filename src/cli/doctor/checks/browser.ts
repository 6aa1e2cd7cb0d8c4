/**
 * CORS, for clients whose requests a browser sends.
 *
 * @module
 */
import { isAnswer, type Exchange } from '../exchange.js'
import { where, type Findings, type Rule } from '../finding.js'
import { BROWSER_ORIGIN, type ResourceView } from '../resource-view.js'

const IN_BROWSER: Rule = where((client) => client.isInBrowser, Boolean)

const ENDPOINT_FIELDS = ['authorization', 'content-type', 'mcp-protocol-version', 'mcp-session-id']
const EXPOSED = ['www-authenticate', 'mcp-session-id']

function fieldList(exchange: Exchange, name: string): readonly string[] {
  const field = isAnswer(exchange) ? (exchange.headers.get(name) ?? '') : ''
  return field.split(',').map((each) => each.trim().toLowerCase())
}

/** Whether a page of that origin may read the answer. */
export function allowsOrigin(exchange: Exchange): boolean {
  const [allowed = ''] = fieldList(exchange, 'access-control-allow-origin')
  return allowed === '*' || allowed === BROWSER_ORIGIN
}

/** The fields that a preflight does not allow. A wildcard does not stand for authorization. */
function refusedFields(preflight: Exchange, wanted: readonly string[]): readonly string[] {
  const allowed = new Set(fieldList(preflight, 'access-control-allow-headers'))
  const isWild = (field: string) => allowed.has('*') && field !== 'authorization'
  return wanted.filter((field) => !allowed.has(field) && !isWild(field))
}

export function isPreflightPassed(preflight: Exchange): boolean {
  return (
    isAnswer(preflight) &&
    preflight.status >= 200 &&
    preflight.status < 300 &&
    allowsOrigin(preflight)
  )
}

function checkEndpoint({ url, browser }: ResourceView, findings: Findings): void {
  const { preflight, initialize } = browser
  if (!isPreflightPassed(preflight)) {
    const status = isAnswer(preflight) ? `answered ${preflight.status}` : 'was not answered'
    const seen = `The preflight of ${BROWSER_ORIGIN} ${status} and does not allow that origin.`
    findings.add('cors-endpoint', url, seen, IN_BROWSER)
    return
  }
  const refused = refusedFields(preflight, ENDPOINT_FIELDS)
  if (refused.length > 0) {
    findings.add(
      'cors-endpoint',
      url,
      `The preflight does not allow ${refused.join(', ')}.`,
      IN_BROWSER,
    )
  } else if (!allowsOrigin(initialize)) {
    const seen = 'The preflight is allowed, but the answer to the request does not name the origin.'
    findings.add('cors-endpoint', url, seen, IN_BROWSER)
  } else checkExposed(url, initialize, findings)
}

function checkExposed(url: string, initialize: Exchange, findings: Findings): void {
  const exposed = new Set(fieldList(initialize, 'access-control-expose-headers'))
  const hidden = exposed.has('*') ? [] : EXPOSED.filter((name) => !exposed.has(name))
  if (hidden.length === 0) return
  findings.add('cors-exposed', url, `The answer does not expose ${hidden.join(', ')}.`, IN_BROWSER)
}

export function checkBrowser(view: ResourceView, findings: Findings): void {
  const { metadata, metadataPreflight } = view.browser
  if (isAnswer(metadata) && metadata.status === 200) {
    // Clients on the SDK send MCP-Protocol-Version. If that fails, they try again without it.
    const preflighted =
      isPreflightPassed(metadataPreflight) &&
      refusedFields(metadataPreflight, ['mcp-protocol-version']).length === 0
    if (!allowsOrigin(metadata)) {
      const seen = 'The metadata has no Access-Control-Allow-Origin for the client.'
      findings.add('cors-metadata', view.url, seen, IN_BROWSER)
    } else if (!preflighted) {
      const seen =
        'The preflight for MCP-Protocol-Version fails; the SDK asks again without that field.'
      findings.add('cors-metadata', view.url, seen)
    }
  }
  checkEndpoint(view, findings)
}
