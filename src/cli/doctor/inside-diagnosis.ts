/**
 * The view from inside: what a gateway with this configuration meets.
 *
 * @module
 */
import { settingsOf } from '../../base/option-checker.js'
import type { Configuration } from '../../config/configuration.js'
import { toGatewayOptions } from '../../config/to-gateway-options.js'
import { introspectorOptions } from '../../config/to-options.js'
import { createFetch } from '../../gateway/http/network.js'
import type { RouteSettings } from '../../gateway/route-settings.js'
import { checkGateway } from '../../gateway/settings.js'
import { createIntrospectors } from '../../rs/introspectors.js'
import { createTokenIntrospector } from '../../rs/token-introspector.js'
import { checkAudience } from './checks/audience.js'
import type { Diagnosis } from './diagnosis.js'
import type { Network } from './exchange.js'
import { Findings } from './finding.js'
import { tryIntrospection, tryKeys, tryScopes, tryWrongCredentials } from './issuer-trial.js'
import { shownUrl } from './shown.js'
import { tryServer } from './upstream-trial.js'

export interface InsideOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: () => number
  /** Milliseconds for one answer. */
  readonly patience: number
  /** Asks with a wrong secret, too. */
  readonly triesWrongCredentials: boolean
  readonly onStep: (step: string) => void
}

function runtimeOf(network: Network) {
  return { now: network.now, fetch: network.fetch, onEvent: () => undefined }
}

async function tryIssuers(
  { trust, guardOptions }: RouteSettings,
  network: Network,
  findings: Findings,
): Promise<void> {
  if (trust === undefined) return
  const { allowHttp } = trust
  const { introspectors } = createIntrospectors(trust, runtimeOf(network))
  await Promise.all(
    trust.issuers.flatMap((each, index) => [
      tryKeys(each, allowHttp, network, findings),
      tryScopes(each, { ...guardOptions, allowHttp }, network, findings),
      tryIntrospection(each, introspectors[index], findings),
    ]),
  )
}

type Issuers = Configuration['files']['resources'][number]['issuers']

async function tryWrongSecrets(
  { trust }: RouteSettings,
  issuers: Issuers,
  network: Network,
  findings: Findings,
): Promise<void> {
  for (const [index, issuer] of issuers.entries()) {
    const settings = trust?.issuers.find(({ position }) => position === index)
    const client = introspectorOptions(issuer)
    if (settings === undefined || client?.clientSecret === undefined) continue
    const { requirements, discoveryUrl, reach } = settings
    const introspector = createTokenIntrospector({
      ...client,
      issuer: requirements.issuer,
      clientSecret: crypto.randomUUID(),
      ...(discoveryUrl !== undefined && { discoveryUrl }),
      allowHttp: trust?.allowHttp ?? [],
      ...runtimeOf(network),
      ...(reach !== undefined && { fetch: reach(network.fetch) }),
    })
    await tryWrongCredentials(requirements.issuer, introspector, findings)
  }
}

/** Asks what the gateway would ask. It does not listen, and calls no tool. */
export async function diagnoseInside(
  configuration: Configuration,
  { env, now, patience, triesWrongCredentials, onStep }: InsideOptions,
): Promise<readonly Diagnosis[]> {
  const { files, proxyEnvironment } = configuration
  const { routes } = settingsOf(checkGateway(toGatewayOptions(configuration)))
  const connection = { ca: files.ca, proxyEnvironment }
  const network = { fetch: createFetch(connection) ?? fetch, now, patience }
  onStep('asking what the gateway would ask')
  return Promise.all(
    routes.map(async (route, index) => {
      const findings = new Findings([])
      checkAudience(route, routes, findings)
      await Promise.all([
        tryIssuers(route, network, findings),
        tryServer(route.server, { ...connection, env, patience }, findings),
      ])
      if (triesWrongCredentials) {
        await tryWrongSecrets(route, files.resources[index]?.issuers ?? [], network, findings)
      }
      return {
        view: 'inside',
        url: shownUrl(route.resource ?? 'the gateway'),
        isReached: true,
        issuers: (route.trust?.issuers ?? []).map(({ requirements }) => requirements.issuer),
        findings: findings.all,
        verdicts: [],
      } as const
    }),
  )
}
