/**
 * What a server answers to a first request without a token.
 *
 * @module
 */
import { quoted } from '../../../errors.js'
import { isLoopbackHost } from '../../../base/http.js'
import { isEventStream } from '../../../web/media-type.js'
import { isAnswer, isPage, isRedirect, jsonOf, type Answer, type Exchange } from '../exchange.js'
import { EVERY, HOSTED, type Findings } from '../finding.js'
import { isPrivateHost } from '../private-host.js'
import { metadataOf, type ResourceView } from '../resource-view.js'
import { shownUrl } from '../shown.js'

/** @returns whether the server was reached, so that other checks make sense */
export function checkReach({ url, initialize }: ResourceView, findings: Findings): boolean {
  if (!isAnswer(initialize)) {
    findings.add(initialize.kind, url, `${shownUrl(url)} ${initialize.reason}.`, EVERY)
    return false
  }
  const { protocol, hostname } = new URL(url)
  if (isLoopbackHost(hostname) || isPrivateHost(hostname)) {
    findings.add('not-public', url, `${hostname} is not a public address.`, HOSTED)
  } else if (protocol === 'http:') {
    findings.add('plain-http', url, 'Tokens would go over the network in the clear.', HOSTED)
  }
  return true
}

/** Whether a GET shows the transport of 2024-11-05: its first event names where to post. */
function isOldTransport(get: Exchange): boolean {
  return isAnswer(get) && get.status === 200 && /^event: ?endpoint\r?$/m.test(get.text)
}

/** A JSON-RPC answer, alone or as an event. Even an error shows that the request came through. */
function isRpc(answer: Answer): boolean {
  const data = /^data: ?(\S.*)$/m.exec(answer.text)?.[1]
  const message = jsonOf(data === undefined ? answer : { ...answer, text: data })
  return message?.['jsonrpc'] === '2.0'
}

function checkRedirect(answer: Answer, url: string, findings: Findings): void {
  const location = answer.headers.get('location') ?? ''
  const target = URL.canParse(location, url) ? new URL(location, url) : undefined
  const isOther = target !== undefined && target.origin !== new URL(url).origin
  // After these, a client repeats the request without its body.
  const losesBody = answer.status !== 307 && answer.status !== 308
  const why = isOther ? ' That is another origin, where clients send no token.' : ''
  const seen = `POST answered ${answer.status} to ${quoted(shownUrl(target?.href ?? location))}.${why}`
  findings.add('redirect', url, seen, isOther || losesBody ? EVERY : HOSTED)
}

function checkForbidden(answer: Answer, url: string, findings: Findings): void {
  const isAboutHost = answer.status === 421 || /\bhost\b/i.test(answer.text.slice(0, 2_000))
  const seen = `POST without a token answered ${answer.status}.`
  findings.add(isAboutHost ? 'host-refused' : 'forbidden', url, seen, EVERY)
}

function checkMissing(view: ResourceView, answer: Answer, findings: Findings): void {
  const { url } = view
  const named = metadataOf(view)?.['resource']
  const other = typeof named === 'string' && named !== url ? named : undefined
  const advice =
    other === undefined ? '' : ` The metadata of this host name ${quoted(shownUrl(other))}.`
  findings.add('no-endpoint', url, `POST answered ${answer.status}.${advice}`, EVERY)
}

function checkSuccess(answer: Answer, url: string, findings: Findings): void {
  if (isRpc(answer)) {
    const seen = `POST initialize without a token answered ${answer.status} with MCP.`
    findings.add('not-protected', url, seen)
  } else if (isPage(answer)) {
    const seen = `POST initialize answered ${answer.status} with a web page.`
    findings.add('login-page', url, seen, EVERY)
  } else checkStrange(answer, url, findings)
}

function checkStrange(answer: Answer, url: string, findings: Findings): void {
  const type = answer.headers.get('content-type') ?? 'no content type'
  const seen = `POST initialize answered ${answer.status} (${quoted(type, 60)}).`
  findings.add('strange-answer', url, seen, EVERY)
}

/** Anything but 401 stops clients before the login. */
export function checkAnswer(view: ResourceView, findings: Findings): void {
  const { url, initialize: answer, get } = view
  if (!isAnswer(answer)) return
  const { status } = answer
  if (isOldTransport(get)) {
    const seen = 'GET answered with an event stream that begins with "event: endpoint".'
    findings.add('old-transport', url, seen, EVERY)
    return
  }
  if (status === 401) {
    if (!view.hasPublicPart) return
    const seen = 'POST initialize without a token was answered, and the call of a tool was refused.'
    findings.add('public-part', url, seen)
    return
  }
  if (isRedirect(answer)) checkRedirect(answer, url, findings)
  else if (status < 300) checkSuccess(answer, url, findings)
  else if (status === 403 || status === 421) checkForbidden(answer, url, findings)
  else if (status === 404 || status === 405) checkMissing(view, answer, findings)
  else if (status === 429) {
    findings.add('too-many-requests', url, 'POST without a token answered 429.', EVERY)
  } else if (status >= 500) {
    findings.add('server-fault', url, `POST without a token answered ${status}.`, EVERY)
  } else if (isRpc(answer)) {
    const seen = `POST initialize without a token answered ${status} with an MCP error, not 401.`
    findings.add('not-protected', url, seen)
  } else checkStrange(answer, url, findings)
}

/** A GET asks for the stream of the server's own messages. Clients need none. */
export function checkGet({ url, get }: ResourceView, findings: Findings): void {
  if (!isAnswer(get)) {
    findings.add('get-answer', url, `GET ${get.reason}.`)
    return
  }
  const { status } = get
  const isStream = status === 200 && isEventStream(get.headers.get('content-type') ?? '')
  // 400: a session or a version is missing. 406: it has no stream for us.
  if (isStream || [400, 401, 403, 405, 406].includes(status)) return
  if (findings.has('redirect', 'no-endpoint', 'server-fault', 'login-page')) return
  findings.add('get-answer', url, `GET without a token answered ${status}.`)
}
