/**
 * The view from outside: what a client meets at one URL, and who connects.
 *
 * @module
 */
import type { Client } from '../../advice/clients.js'
import { parseHttpUrl } from '../../base/http.js'
import { quoted } from '../../errors.js'
import { checkAnswer, checkGet, checkReach } from './checks/answer.js'
import { checkBrowser } from './checks/browser.js'
import { checkChallenge } from './checks/challenge.js'
import { checkClock } from './checks/clock.js'
import { checkCredentials } from './checks/credentials.js'
import { checkMetadata } from './checks/metadata.js'
import { checkResource } from './checks/resource.js'
import { checkScopesAgree, wantedScopes } from './checks/scopes.js'
import { checkServer } from './checks/server.js'
import { checkTrials } from './checks/trials.js'
import type { Network } from './exchange.js'
import { fenceFrom, type AddressesOf } from './fence.js'
import { EVERY, Findings, type Finding } from './finding.js'
import { listIn } from '../list-in.js'
import { tryRegistration } from './registration-trial.js'
import { metadataOf, viewResource, type ResourceView } from './resource-view.js'
import { viewServer, type ServerView } from './server-view.js'
import { shownUrl } from './shown.js'
import { verdictOf, type Verdict } from './verdict.js'

export interface Diagnosis {
  /** `outside`: as a client meets it. `inside`: as the gateway meets what it needs. */
  readonly view: 'outside' | 'inside'
  /** The URL, without the values of its query. */
  readonly url: string
  readonly isReached: boolean
  readonly issuers: readonly string[]
  readonly findings: readonly Finding[]
  /** None if the server was not reached. */
  readonly verdicts: readonly Verdict[]
}

export interface DiagnosisOptions {
  readonly network: Network
  /** Finds out where a host is. */
  readonly addressesOf: AddressesOf
  readonly clients: readonly Client[]
  /** Registers clients, begins a login as each, and removes them again. */
  readonly triesRegistration: boolean
  /** Hears what the doctor does next, for people who wait. */
  readonly onStep: (step: string) => void
}

/** Clients rarely choose another than the first server of a resource: none fails because of the others. */
const MOST_SERVERS = 5

function checkResourceView(view: ResourceView, findings: Findings): void {
  checkAnswer(view, findings)
  // The other checks make no sense for a server that does not answer as an MCP server.
  if (findings.has('old-transport', 'redirect')) return
  checkGet(view, findings)
  checkClock(view.url, view.initialize, findings)
  checkChallenge(view, findings)
  checkCredentials(view, findings)
  if (findings.has('not-protected') && metadataOf(view) === undefined) return
  checkMetadata(view, findings)
  checkResource(view, findings)
  checkScopesAgree(view, findings)
  checkBrowser(view, findings)
}

function issuersOf(view: ResourceView): readonly string[] {
  const listed = listIn(metadataOf(view), 'authorization_servers') ?? []
  return [...new Set(listed)].slice(0, MOST_SERVERS)
}

function asOther(finding: Finding): Finding {
  const severity = finding.severity === 'error' ? 'warning' : finding.severity
  return { ...finding, severity, breaks: [], mayBreak: [] }
}

async function diagnoseServer(
  view: ResourceView,
  server: ServerView,
  { network, clients, triesRegistration, onStep }: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const findings = new Findings(clients)
  checkServer(server, view, findings)
  const endpoint = parseHttpUrl(server.document?.['registration_endpoint'])
  if (triesRegistration && endpoint !== undefined) {
    onStep(`registering clients at ${endpoint.host}`)
    const subject = {
      endpoint: endpoint.href,
      authorization: parseHttpUrl(server.document?.['authorization_endpoint'])?.href,
      scopes: wantedScopes(view),
      resource: resourceOf(view),
    }
    const trials = await tryRegistration(network, subject, clients)
    checkTrials(server.issuer, trials, findings, server.document?.['token_endpoint'])
  }
  return findings.all
}

/** What clients send as `resource`. */
function resourceOf(view: ResourceView): string {
  const named = metadataOf(view)?.['resource']
  return typeof named === 'string' ? named : view.url
}

/** Looks at all authorization servers at once. */
async function diagnoseServers(view: ResourceView, options: DiagnosisOptions) {
  const issuers = issuersOf(view)
  const findings = new Findings(options.clients)
  const named = issuers.filter((issuer) => parseHttpUrl(issuer) !== undefined)
  for (const issuer of issuers.filter((each) => !named.includes(each))) {
    findings.add('issuer-not-url', view.url, `authorization_servers has ${quoted(issuer)}.`, EVERY)
  }
  if (named.length > 0) options.onStep(`asking ${named.map(shownUrl).join(' and ')}`)
  const servers = await Promise.all(named.map((issuer) => viewServer(options.network, issuer)))
  const found: Finding[] = [...findings.all]
  for (const [index, server] of servers.entries()) {
    const own = await diagnoseServer(view, server, options)
    found.push(...(index === 0 ? own : own.map(asOther)))
  }
  return { issuers, findings: found, document: servers[0]?.document }
}

/** Looks at a server from outside. It writes nothing there, unless registration is to be tried. */
export async function diagnose(url: string, given: DiagnosisOptions): Promise<Diagnosis> {
  const { clients, onStep, addressesOf } = given
  onStep(`asking ${shownUrl(url)}`)
  const network = { ...given.network, isForbidden: fenceFrom(url, addressesOf) }
  const options = { ...given, network }
  const view = await viewResource(network, url)
  const own = new Findings(clients)
  if (!checkReach(view, own)) {
    const findings = own.all
    const nobody = { issuers: [], verdicts: [] }
    return { view: 'outside', url: shownUrl(url), isReached: false, findings, ...nobody }
  }
  checkResourceView(view, own)
  const servers = await diagnoseServers(view, options)
  const findings = [...own.all, ...servers.findings]
  return {
    view: 'outside',
    url: shownUrl(url),
    isReached: true,
    issuers: servers.issuers.map(shownUrl),
    findings,
    verdicts: clients.map((client) => verdictOf(client, findings, servers.document)),
  }
}
